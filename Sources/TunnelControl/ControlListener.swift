internal import CTunnelControl
internal import EventLoops
internal import Glibc
internal import Logging
internal import PacketTunnel

/// The part of a `ControlServer` that lives on its loop: the socket that listens, and its connections.
final class ControlListener: DescriptorHandler {
    let loop: EventLoop
    let limits: ControlLimits
    let delegate: any ControlServerDelegate

    /// Connections taken per turn: a flood of them must not keep the loop's packets waiting.
    private static let batch = 16
    private static let disposalLimit = 64

    private let logger: Logger
    private let descriptor: Int32
    private var registration: Registration?
    private var connections: [ObjectIdentifier: ControlConnection] = [:]
    private var countsPerUser: [UInt32: Int] = [:]

    init(
        _ descriptor: Int32,
        _ loop: EventLoop,
        _ limits: ControlLimits,
        _ delegate: any ControlServerDelegate,
        _ logger: Logger
    ) {
        self.descriptor = descriptor
        self.loop = loop
        self.limits = limits
        self.delegate = delegate
        self.logger = logger
    }

    func start() {
        do {
            registration = try loop.register(descriptor, interest: .readable, handler: self)
        } catch {
            logger.error("the control socket is not served", metadata: ["reason": "\(error)"])
        }
    }

    func stop() {
        guard let registration else { return }
        registration.cancel()
        self.registration = nil
        Glibc.close(descriptor)
        for connection in connections.values { connection.close() }
    }

    /// Takes connections.
    func descriptorIsReady(_ events: DescriptorEvents) {
        for _ in 0..<Self.batch {
            let accepted = tunnelcontrol_accept(descriptor)
            guard accepted >= 0 else {
                if accepted != -EAGAIN, accepted != -ECONNABORTED { pause(accepted) }
                return
            }
            add(accepted)
        }
    }

    private func add(_ accepted: Int32) {
        guard let peer = ControlPeer(socket: accepted),
            connections.count < limits.connections, DescriptorDisposal.backlog < Self.disposalLimit,
            countsPerUser[peer.user, default: 0] < limits.connectionsPerUser,
            let connection = try? ControlConnection(accepted, peer: peer, listener: self)
        else {
            DescriptorDisposal.close(accepted)
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
        loop.scheduleHere(after: 200_000_000) { [weak self] in self?.registration?.setInterest(.readable) }
    }
}
