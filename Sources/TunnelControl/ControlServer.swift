public import EventLoops
internal import Glibc
public import Logging
internal import PacketTunnel

/// Answers what the control socket is asked. Every call comes on the socket's loop and must not wait.
public protocol ControlServerDelegate: AnyObject, Sendable {
    /// A peer asks. The answer is sent, now or later, through `connection`, which is finished then.
    func control(_ connection: ControlConnection, asks request: ControlRequest)
}

/// A UNIX socket that processes of this host ask, and hand descriptors over to.
///
/// Who may connect is a matter of the socket's file: it belongs to its owner and to one group. Who a peer is, the kernel
/// says; nothing in a message is believed about it. Nothing that a peer does is heard by another.
public final class ControlServer: Sendable {
    /// The socket's path.
    public let path: String
    /// The loop that owns the socket and all its connections.
    public let loop: EventLoop

    private let listener: LoopBound<ControlListener>

    /// Opens the socket and begins to serve. A file that a killed process has left there is replaced.
    ///
    /// - Parameters:
    ///   - group: whose members may connect, beside the owner; a group that does not exist, or cannot be given the
    ///     socket, leaves it to the owner alone.
    ///   - delegate: held strongly.
    /// - Throws: `ControlError` if the socket cannot be made, or another process listens there.
    public init(
        path: String,
        group: String,
        loop: EventLoop,
        limits: ControlLimits = ControlLimits(),
        delegate: any ControlServerDelegate,
        logger: Logger
    ) throws(ControlError) {
        self.path = path
        self.loop = loop
        let descriptor = try ControlSocketFile.open(path)
        do throws(ControlError) {
            try ControlSocketFile.share(path, with: group)
        } catch {
            logger.warning("only root can use the control socket", metadata: ["reason": "\(error)"])
        }
        listener = LoopBound(ControlListener(descriptor, loop, limits, delegate, logger), on: loop)
        listener.execute { $0.start() }
    }

    /// Removes the socket and ends every connection. Returns when that is done. Idempotent.
    public func stop() async {
        unlink(path)
        await withCheckedContinuation { continuation in
            listener.execute { listener in
                listener.stop()
                continuation.resume()
            }
        }
    }
}
