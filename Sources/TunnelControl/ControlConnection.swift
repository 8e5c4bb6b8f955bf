internal import CTunnelControl
public import EventLoops
internal import Glibc
internal import PacketTunnel

/// One connection to the control socket. Belongs to the server's loop; every member is for its thread, and `LoopBound` carries
/// it there from elsewhere.
public final class ControlConnection {
    /// Who is on the other side.
    public let peer: ControlPeer
    /// The loop that owns the connection.
    public let loop: EventLoop
    private let descriptor: Int32
    private let listener: ControlListener
    private var registration: Registration?
    private var hasAsked = false
    private var isFinishing = false
    private var isClosed = false
    private var onClose: (() -> Void)?
    private var unsent: [[UInt8]] = []
    private var deadline: (any ScheduledWork)?

    init(_ descriptor: Int32, peer: ControlPeer, listener: ControlListener) throws {
        self.descriptor = descriptor
        self.peer = peer
        self.listener = listener
        loop = listener.loop
        registration = try loop.register(descriptor, interest: .readable, handler: self)
        setDeadline()
    }

    /// Calls `body` once, when the other side has gone or has broken the rules; at once if it has already. Not after
    /// `finish`.
    public func whenClosed(_ body: @escaping () -> Void) {
        if isClosed { body() } else { onClose = body }
    }

    /// Sends a reply. What the socket does not take at once waits.
    public func send(_ reply: ControlReply) {
        guard !isClosed, !isFinishing else { return }
        unsent.append(ControlWire.encode(reply))
        flush()
    }

    /// Sends a text of any length, in pieces, and finishes.
    public func finish(text: String) {
        var rest = text.unicodeScalars[...]
        while !rest.isEmpty {
            let piece = rest.prefix(ControlWire.textLimit)
            unsent.append(ControlWire.encode(.text(String(piece))))
            rest = rest.dropFirst(piece.count)
        }
        finish()
    }

    /// Sends a last reply, if there is one, and closes when everything is sent.
    public func finish(_ reply: ControlReply? = nil) {
        if let reply { send(reply) }
        guard !isClosed, !isFinishing else { return }
        isFinishing = true
        onClose = nil
        setDeadline()
        flush()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        deadline?.cancel()
        registration?.cancel()
        // Messages that nobody has taken may wait in it, with descriptors of others, whose closing takes as long as somebody
        // likes. The peer hears of the end at once.
        shutdown(descriptor, Int32(SHUT_RDWR))
        DescriptorDisposal.close(descriptor)
        listener.remove(self)
        let onClose = self.onClose
        self.onClose = nil
        onClose?()
    }

    /// A peer that neither asks nor takes its answer must not hold its place for ever.
    private func setDeadline() {
        deadline?.cancel()
        deadline = loop.scheduleHere(after: listener.limits.patience) { [weak self] in self?.close() }
    }

    private func flush() {
        while let message = unsent.first {
            let result = tunnelcontrol_send(descriptor, message, message.count, nil, 0)
            if result == -EAGAIN { return setInterest() }
            guard result == 0 else { return close() }
            unsent.removeFirst()
        }
        isFinishing ? close() : setInterest()
    }

    private func setInterest() {
        registration?.setInterest(unsent.isEmpty ? .readable : [.readable, .writable])
    }

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: ControlWire.requestLimit)
        var message = tunnelcontrol_message()
        let result = tunnelcontrol_receive(descriptor, &buffer, buffer.count, &message)
        guard result != -EAGAIN else { return }
        guard result == 0 else { return close() }
        let descriptors = PassedDescriptors(
            withUnsafeBytes(of: &message.descriptors) { bytes in
                Array(bytes.bindMemory(to: Int32.self).prefix(Int(message.descriptor_count)))
            }
        )
        guard message.length > 0, !message.is_truncated, !hasAsked,
            let request = ControlWire.decodeRequest(buffer.prefix(message.length), descriptors)
        else { return close() }
        hasAsked = true
        deadline?.cancel()
        listener.delegate.control(self, asks: request)
    }
}

extension ControlConnection: DescriptorHandler {
    /// Takes the request, notices the end, and sends what waits.
    public func descriptorIsReady(_ events: DescriptorEvents) {
        if events.contains(.writable) { flush() }
        guard !isClosed, !events.isDisjoint(with: [.readable, .ended]) else { return }
        receive()
    }
}
