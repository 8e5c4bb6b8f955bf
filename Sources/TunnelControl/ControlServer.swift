internal import CTunnelControl
public import EventLoops
internal import Glibc
public import Logging

/// Answers what the control socket is asked. Every call comes on the socket's loop and must not wait.
public protocol ControlServerDelegate: AnyObject, Sendable {
    /// A peer asks. The answer is sent, now or later, through `connection`, which is finished then.
    func control(_ connection: ControlConnection, asks request: ControlRequest)
}

/// A UNIX socket that processes of this host ask, and hand descriptors over to.
///
/// Who may connect is a matter of the socket's file: it belongs to its owner and to one group. Who a peer is, the kernel
/// says; nothing in a message is believed about it. Nothing that a peer does is heard by another.
public final class ControlServer: DescriptorHandler, @unchecked Sendable {
    /// The socket's path.
    public let path: String
    /// The loop that owns the socket and all its connections.
    public let loop: EventLoop
    let limits: ControlLimits
    let delegate: any ControlServerDelegate

    /// Connections taken per turn: a flood of them must not keep the loop's packets waiting.
    private static let batch = 16
    private static let disposalLimit = 64

    private let logger: Logger
    private let listener: Int32
    private var registration: Registration?
    private var connections: [ObjectIdentifier: ControlConnection] = [:]
    private var countsPerUser: [UInt32: Int] = [:]

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
        self.limits = limits
        self.delegate = delegate
        self.logger = logger
        listener = try ControlSocketFile.open(path)
        do throws(ControlError) {
            try ControlSocketFile.share(path, with: group)
        } catch {
            logger.warning("only root can use the control socket", metadata: ["reason": "\(error)"])
        }
        loop.execute { [self] in
            do {
                registration = try loop.register(listener, interest: .readable, handler: self)
            } catch {
                logger.error("the control socket is not served", metadata: ["reason": "\(error)"])
            }
        }
    }

    /// Removes the socket and ends every connection. Returns when that is done. Idempotent.
    public func stop() async {
        unlink(path)
        await withCheckedContinuation { continuation in
            loop.execute { [self] in
                shutDown()
                continuation.resume()
            }
        }
    }

    private func shutDown() {
        guard let registration else { return }
        registration.cancel()
        self.registration = nil
        Glibc.close(listener)
        for connection in connections.values { connection.close() }
    }

    /// Takes connections.
    public func descriptorIsReady(_ events: DescriptorEvents) {
        for _ in 0..<Self.batch {
            let accepted = tunnelcontrol_accept(listener)
            guard accepted >= 0 else {
                if accepted != -EAGAIN, accepted != -ECONNABORTED { pause(accepted) }
                return
            }
            add(accepted)
        }
    }

    private func add(_ descriptor: Int32) {
        guard let peer = ControlPeer(socket: descriptor),
            connections.count < limits.connections, DescriptorDisposal.backlog < Self.disposalLimit,
            countsPerUser[peer.user, default: 0] < limits.connectionsPerUser,
            let connection = try? ControlConnection(descriptor, peer: peer, server: self)
        else {
            DescriptorDisposal.close(descriptor)
            return
        }
        connections[ObjectIdentifier(connection)] = connection
        countsPerUser[peer.user, default: 0] += 1
    }

    func remove(_ connection: ControlConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        let count = countsPerUser[connection.peer.user, default: 1] - 1
        countsPerUser[connection.peer.user] = count > 0 ? count : nil
    }

    /// Out of descriptors or memory, the waiting connection would wake the loop without end.
    private func pause(_ code: Int32) {
        logger.warning("no connection to the control socket", metadata: ["reason": "\(ControlError.text(code))"])
        registration?.setInterest([])
        loop.schedule(after: 200_000_000) { [weak self] in self?.registration?.setInterest(.readable) }
    }
}
