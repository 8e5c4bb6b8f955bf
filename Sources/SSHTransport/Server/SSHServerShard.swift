internal import EventLoops
internal import Logging
internal import PacketTunnel
internal import Synchronization

/// What all connections of a server share. Never changes.
final class SSHServerContext: Sendable {
    let configuration: SSHServerConfiguration
    let library: SSHServerLibrary
    let startups: SSHServerStartups
    let delegate: any SSHServerDelegate
    let logger: Logger

    init(
        configuration: SSHServerConfiguration,
        library: SSHServerLibrary,
        delegate: any SSHServerDelegate,
        logger: Logger
    ) {
        self.configuration = configuration
        self.library = library
        self.delegate = delegate
        self.logger = logger
        startups = SSHServerStartups(limits: configuration.maxStartups, perSource: configuration.perSourceMaxStartups)
    }
}

/// The connections of one loop. Two timers for all of them, none when there is nothing to wait for.
///
/// Used on the loop's thread, but for `load`.
final class SSHServerShard: @unchecked Sendable {
    let loop: EventLoop
    let context: SSHServerContext
    /// Connections that were handed to this loop and are not over.
    let load = Atomic<Int>(0)

    private var connections: [ObjectIdentifier: SSHServerConnection] = [:]
    private var unauthenticated: [ObjectIdentifier: SSHServerConnection] = [:]
    private var loginTimer: (any ScheduledWork)?
    private var aliveTimer: (any ScheduledWork)?
    private var isStopped = false

    init(loop: EventLoop, context: SSHServerContext) {
        self.loop = loop
        self.context = context
    }

    /// Starts a connection over `descriptor`, whose place in `startups` is taken already.
    func adopt(_ descriptor: Int32, address: String, port: UInt16) {
        let connection = SSHServerConnection(remoteAddress: address, remotePort: port, shard: self)
        connections[ObjectIdentifier(connection)] = connection
        unauthenticated[ObjectIdentifier(connection)] = connection
        do {
            try connection.start(descriptor)
            if isStopped { return connection.close(reason: "the server is stopping") }
        } catch {
            connection.log(.warning, "connection not started: \(error)")
            return didEnd(connection)
        }
        armLoginTimer()
    }

    func didAuthenticate(_ connection: SSHServerConnection) {
        guard unauthenticated.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        context.startups.release(connection.remoteAddress)
        armAliveTimer()
    }

    func didEnd(_ connection: SSHServerConnection) {
        if unauthenticated.removeValue(forKey: ObjectIdentifier(connection)) != nil {
            context.startups.release(connection.remoteAddress)
        }
        if connections.removeValue(forKey: ObjectIdentifier(connection)) != nil {
            load.subtract(1, ordering: .relaxed)
        }
    }

    /// Ends all connections before it returns, and those that are still on their way here when they arrive.
    func stop(reason: String) {
        isStopped = true
        loginTimer?.cancel()
        aliveTimer?.cancel()
        for connection in Array(connections.values) { connection.session?.endNow(reason, farewell: reason) }
    }

    // MARK: Timers

    private func armLoginTimer() {
        guard loginTimer == nil, let next = unauthenticated.values.map(\.loginDeadline).min() else { return }
        let wait = next > loop.now ? next - loop.now : 0
        loginTimer = loop.schedule(after: wait) { [weak self] in
            guard let self else { return }
            loginTimer = nil
            for connection in Array(unauthenticated.values) { connection.checkLogin(now: loop.now) }
            armLoginTimer()
        }
    }

    private func armAliveTimer() {
        let interval = context.configuration.clientAliveInterval.nanoseconds
        guard aliveTimer == nil, interval > 0, !connections.isEmpty, !isStopped else { return }
        aliveTimer = loop.schedule(after: interval) { [weak self] in
            guard let self else { return }
            aliveTimer = nil
            for connection in Array(connections.values) { connection.checkAlive() }
            armAliveTimer()
        }
    }
}
