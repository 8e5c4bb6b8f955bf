internal import EventLoops
internal import Glibc
internal import PacketTunnel

/// Carries bytes between a channel of a jump host and the socket that the next session speaks over.
///
/// Belongs to the channel's loop, and is held by the channel. What the socket does not take waits here, and the jump host
/// is granted no more until it has gone: never more than the channel's window.
final class JumpRelay: PacketTransportReceiver, DescriptorHandler {
    private let channel: SSHChannel
    private let descriptor: Int32
    private let limit: Int
    private let whenClosed: (String) -> Void
    private var registration: Registration?
    /// For the socket; those before `unsentStart` have gone.
    private var unsent: [UInt8] = []
    private var unsentStart = 0
    /// For the channel, which has taken the beginning of a piece only.
    private var leftover: [UInt8] = []
    private var isClosed = false

    /// Takes the descriptor over. On the loop.
    ///
    /// - Parameter whenClosed: called once, before the socket is closed, with the reason.
    init(
        channel: SSHChannel,
        descriptor: Int32,
        limit: Int,
        loop: EventLoop,
        whenClosed: @escaping (String) -> Void
    ) throws {
        self.channel = channel
        self.descriptor = descriptor
        self.limit = limit
        self.whenClosed = whenClosed
        registration = try loop.register(descriptor, interest: .readable, handler: self)
    }

    private func close(_ reason: String) {
        guard !isClosed else { return }
        isClosed = true
        whenClosed(reason)
        registration?.cancel()
        registration = nil
        Glibc.close(descriptor)
        channel.close()
    }

    private func updateInterest() {
        var interest: DescriptorEvents = leftover.isEmpty ? .readable : []
        if unsentStart < unsent.count { interest.insert(.writable) }
        registration?.setInterest(interest)
    }

    // MARK: From the jump host to the socket

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        guard !isClosed else { return }
        bytes.withUnsafeBytes { bytes in
            var sent = 0
            if unsentStart == unsent.count {
                sent = write(bytes)
                channel.grant(sent)
            }
            guard sent < bytes.count else { return }
            unsent.append(contentsOf: bytes[sent...])
        }
        if unsent.count - unsentStart > limit { return close("the jump host sends more than it may") }
        if unsentStart < unsent.count { updateInterest() }
    }

    /// - Returns: the bytes that the socket has taken.
    private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        var sent = 0
        while sent < bytes.count {
            let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
            let count = send(descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, flags)
            guard count > 0 else { break }
            sent += count
        }
        return sent
    }

    private func flush() {
        let sent = unsent.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[unsentStart...])) }
        unsentStart += sent
        channel.grant(sent)
        if unsentStart == unsent.count {
            unsent.removeAll(keepingCapacity: true)
            unsentStart = 0
        } else if unsentStart > limit / 4 {
            unsent.removeFirst(unsentStart)
            unsentStart = 0
        }
        updateInterest()
    }

    // MARK: From the socket to the jump host

    func descriptorIsReady(_ events: DescriptorEvents) {
        if events.contains(.writable), unsentStart < unsent.count { flush() }
        guard !isClosed, leftover.isEmpty, !events.isDisjoint(with: [.readable, .ended]) else { return }
        read()
    }

    private func read() {
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            guard count > 0 else { return close("the connection through it has ended") }
            forward(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private func forward(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(channel.preferredWriteSize))
            let taken = channel.write(piece.bytes)
            guard taken > 0 else { break }
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
        }
        leftover = Array(rest)
        if !rest.isEmpty { updateInterest() }
    }

    func transportDidBecomeWritable() {
        guard !isClosed, !leftover.isEmpty else { return }
        let waiting = leftover
        waiting.withUnsafeBytes { forward($0) }
        if leftover.isEmpty { updateInterest() }
    }

    // MARK: The end

    func transportDidClose(reason: String) { close(reason) }
}
