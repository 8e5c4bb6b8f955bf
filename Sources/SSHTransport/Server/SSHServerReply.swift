internal import PacketTunnel
internal import Synchronization

/// Writes the answer of a command to its session channel, as fast as the client takes it, and ends the channel.
final class SSHServerReply: PacketTransportReceiver {
    private weak var channel: SSHChannel?
    private let output: [UInt8]
    private var offset = 0
    /// nil keeps the channel open until the client ends it.
    private let exitStatus: UInt8?
    /// Held until the output has been taken.
    private var command: PendingCommands.Command?

    init(_ channel: SSHChannel, output: [UInt8], exitStatus: UInt8?, command: PendingCommands.Command?) {
        self.channel = channel
        self.output = output
        self.exitStatus = exitStatus
        self.command = command
    }

    func transportDidBecomeWritable() {
        guard let channel else { return }
        while offset < output.count {
            let end = min(output.count, offset + channel.preferredWriteSize)
            let written = output.withUnsafeBytes {
                channel.write(UnsafeRawBufferPointer(rebasing: $0[offset..<end]).bytes)
            }
            guard written > 0 else { return }
            offset += written
        }
        command = nil
        if let exitStatus {
            channel.exit(status: Int32(exitStatus))
        } else {
            channel.closesAtEndOfFile = true
        }
    }

    /// The keys that end a program on a terminal end the wait.
    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        guard let channel, exitStatus == nil, offset == output.count else { return }
        let (interrupt, endOfFile): (UInt8, UInt8) = (3, 4)
        for index in 0..<bytes.byteCount {
            let byte = bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            if byte == interrupt || byte == endOfFile { return channel.exit(status: 0) }
        }
    }

    func transportDidClose(reason: String) { command = nil }
}

/// The commands of one connection that are being answered, which keep their answers until the client has taken them. From any
/// thread.
///
/// A client that asks on every channel and reads on none would have each of its connections keep that many answers.
final class PendingCommands: Sendable {
    /// More at a time are refused.
    static let limit = 2

    /// A command, from its request until its answer is taken, or until nobody waits for it.
    final class Command: Sendable {
        private let owner: PendingCommands

        fileprivate init(_ owner: PendingCommands) { self.owner = owner }

        deinit { owner.count.wrappingSubtract(1, ordering: .relaxed) }
    }

    private let count = Atomic(0)

    /// Begins a command; nil if there are too many.
    func begin() -> Command? {
        guard count.wrappingAdd(1, ordering: .relaxed).newValue <= Self.limit else {
            count.wrappingSubtract(1, ordering: .relaxed)
            return nil
        }
        return Command(self)
    }
}
