internal import PacketTunnel

/// Writes the answer of a command to its session channel, as fast as the client takes it, and ends the channel.
final class SSHServerReply: PacketTransportReceiver {
    private weak var channel: SSHChannel?
    private let output: [UInt8]
    private var offset = 0
    /// nil keeps the channel open until the client ends it.
    private let exitStatus: UInt8?

    init(_ channel: SSHChannel, output: [UInt8], exitStatus: UInt8?) {
        self.channel = channel
        self.output = output
        self.exitStatus = exitStatus
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

    func transportDidClose(reason: String) {}
}
