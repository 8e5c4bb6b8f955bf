internal import EventLoops
internal import Glibc
internal import Logging
internal import PacketTunnel
internal import Synchronization

/// Connections that were handed to one loop and are not over. From any thread.
final class SSHServerLoad: Sendable {
    let count = Atomic<Int>(0)
}

/// One loop of a server, as its other threads see it.
struct SSHServerLane: Sendable {
    let loop: EventLoop
    let load = SSHServerLoad()
    let worker: LoopBound<SSHServerWorker>

    init(_ loop: EventLoop, _ context: SSHServerContext) {
        self.loop = loop
        worker = LoopBound(SSHServerWorker(loop: loop, context: context, load: load), on: loop)
    }
}

/// Takes connections on a server's first loop, to which it belongs, and gives each to the loop with the fewest.
final class SSHServerAcceptor {
    private let context: SSHServerContext
    private let lanes: [SSHServerLane]
    private var listeners: [SSHServerListener] = []
    private var dropLines: [SSHServerStartups.Refusal: (count: Int, next: UInt64)] = [:]

    init(_ context: SSHServerContext, _ lanes: [SSHServerLane]) {
        self.context = context
        self.lanes = lanes
    }

    /// Serves listening sockets, which it closes in the end.
    func start(_ descriptors: [Int32]) {
        listeners = descriptors.compactMap { SSHServerListener($0, acceptor: self, loop: lanes[0].loop) }
    }

    /// Stops listening.
    func stop() {
        for listener in listeners { listener.stop() }
        listeners = []
    }

    func accepted(_ descriptor: Int32, address: String, port: UInt16) {
        let source = SSHServerSource(address, blockSize: context.configuration.netBlockSize)
        let place: SSHServerPlace
        switch context.startups.take(source, now: lanes[0].loop.now) {
        case .success(let taken): place = taken
        case .failure(let refusal):
            logDrop(address, refusal)
            close(descriptor)
            return
        }
        let loads = lanes.map { $0.load.count.load(ordering: .relaxed) }
        let lane = lanes[loads.indices.min { loads[$0] < loads[$1] } ?? 0]
        lane.load.count.add(1, ordering: .relaxed)
        if lane.loop.isCurrent {
            lane.worker.value.adopt(descriptor, address: address, port: port, place: place)
        } else {
            lane.worker.execute { $0.adopt(descriptor, address: address, port: port, place: place) }
        }
    }

    /// One line a second at most for each reason: a flood of connections must not become a flood of lines.
    private func logDrop(_ address: String, _ refusal: SSHServerStartups.Refusal) {
        let now = lanes[0].loop.now
        var line = dropLines[refusal] ?? (count: 0, next: 0)
        line.count += 1
        if now >= line.next {
            context.logger.info(
                "connections dropped",
                metadata: ["address": "\(address)", "count": "\(line.count)", "reason": "\(refusal.rawValue)"]
            )
            line = (count: 0, next: now &+ 1_000_000_000)
        }
        dropLines[refusal] = line
    }

    func logAcceptFailure(_ error: SystemCallError) {
        context.logger.error("accept failed, retrying in 200ms", metadata: ["error": "\(error)"])
    }
}

/// One listening socket on a server's first loop.
final class SSHServerListener: DescriptorHandler {
    private let descriptor: Int32
    private let loop: EventLoop
    private weak var acceptor: SSHServerAcceptor?
    private var registration: Registration?

    /// Connections taken per turn: a flood of them must not keep the loop's own clients waiting.
    private static let batch = 16

    init?(_ descriptor: Int32, acceptor: SSHServerAcceptor, loop: EventLoop) {
        self.descriptor = descriptor
        self.acceptor = acceptor
        self.loop = loop
        do {
            registration = try loop.register(descriptor, interest: .readable, handler: self)
        } catch {
            close(descriptor)
            return nil
        }
    }

    func descriptorIsReady(_ events: DescriptorEvents) {
        for _ in 0..<Self.batch {
            guard let (peer, address, port) = SSHServerSocket.accept(descriptor) else {
                let code = errno
                if code != EAGAIN, code != EINTR, code != ECONNABORTED { pause(SystemCallError("accept", code: code)) }
                return
            }
            acceptor?.accepted(peer, address: address, port: port)
        }
    }

    /// Out of descriptors or memory, the waiting connection would wake the loop without end.
    private func pause(_ error: SystemCallError) {
        acceptor?.logAcceptFailure(error)
        registration?.setInterest([])
        loop.scheduleHere(after: 200_000_000) { [weak self] in self?.registration?.setInterest(.readable) }
    }

    func stop() {
        guard let registration else { return }
        registration.cancel()
        self.registration = nil
        close(descriptor)
    }
}
