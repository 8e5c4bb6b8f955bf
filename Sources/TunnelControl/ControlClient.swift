internal import CTunnelControl
internal import Glibc

/// A connection to a daemon's control socket, for programs that have nothing else to do: every call waits.
public struct ControlClient: ~Copyable {
    /// Seconds that the daemon may take over an answer.
    private static let patience: Int32 = 15
    /// EX_TEMPFAIL of `sysexits.h`.
    private static let temporary: Int32 = 75
    private static var silence: ControlError {
        ControlError(.refused(exitStatus: temporary), "packet-tunneld does not answer")
    }

    private let descriptor: Int32

    /// Connects.
    ///
    /// - Throws: `ControlError`; its kind says whether nobody listens, or this user may not ask.
    public init(path: String) throws(ControlError) {
        let descriptor = tunnelcontrol_connect(path, Self.patience)
        switch descriptor {
        case 0...: break
        case -ENOENT, -ECONNREFUSED:
            throw ControlError(.noDaemon, "packet-tunneld does not run on this host: nobody listens at \(path)")
        case -EACCES, -EPERM:
            throw ControlError(
                .notPermitted,
                "this user may not use \(path): root and the members of the socket's group may"
            )
        case -EAGAIN: throw Self.silence
        default: throw .call("cannot connect to \(path)", descriptor)
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Hands two descriptors over. Once this returns, the daemon has copies; the caller's own can be closed.
    ///
    /// - Throws: `ControlError`; of the kind `refused` if the daemon refuses.
    public borrowing func passDescriptors(_ request: TunnelRequest, input: Int32, output: Int32) throws(ControlError) {
        try send(ControlWire.encode(request), descriptors: [input, output])
        switch try receive(timeout: Self.patience) {
        case .accepted: return
        case .refused(let reason, let status): throw ControlError(.refused(exitStatus: status), reason)
        default:
            // It has no place left, or is about to stop.
            throw ControlError(.refused(exitStatus: Self.temporary), "packet-tunneld takes no tunnel now; try again")
        }
    }

    /// Waits until the tunnel is over.
    ///
    /// - Returns: why it is.
    /// - Throws: `ControlError` of the kind `noDaemon` if the daemon has gone.
    public borrowing func waitForEnd() throws(ControlError) -> String {
        guard case .ended(let reason) = try receive(timeout: 0) else {
            throw ControlError(.noDaemon, "packet-tunneld has gone")
        }
        return reason
    }

    /// The sessions that this user may see, as JSON text.
    public borrowing func status() throws(ControlError) -> String {
        try send(ControlWire.encodeStatusRequest(), descriptors: [])
        var text = ""
        while let reply = try receive(timeout: Self.patience) {
            switch reply {
            case .text(let piece): text += piece
            case .refused(let reason, let status): throw ControlError(.refused(exitStatus: status), reason)
            case .accepted, .ended: break
            }
        }
        guard !text.isEmpty else { throw ControlError(.system, "packet-tunneld gave no answer") }
        return text
    }

    private borrowing func send(_ message: [UInt8], descriptors: [Int32]) throws(ControlError) {
        let result = tunnelcontrol_send(descriptor, message, message.count, descriptors, Int32(descriptors.count))
        // A daemon that has no place left closes before it is asked; what it has said, if anything, can still be read.
        guard result != -EAGAIN else { throw Self.silence }
        guard result == 0 || result == -EPIPE else { throw .call("cannot ask packet-tunneld", result) }
    }

    /// Nil at the end of the connection.
    private borrowing func receive(timeout: Int32) throws(ControlError) -> ControlReply? {
        let result = tunnelcontrol_set_timeout(descriptor, timeout)
        guard result == 0 else { throw .call("cannot wait for packet-tunneld", result) }
        var buffer = [UInt8](repeating: 0, count: ControlWire.replyLimit)
        var message = tunnelcontrol_message()
        let received = tunnelcontrol_receive(descriptor, &buffer, buffer.count, &message)
        guard received != -EAGAIN else { throw Self.silence }
        // Nobody passes descriptors back to a client; the owner of the daemon is trusted with what it could do anyway.
        guard received == 0, message.length > 0, !message.is_truncated else { return nil }
        return ControlWire.decodeReply(buffer.prefix(message.length))
    }
}
