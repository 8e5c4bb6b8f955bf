internal import EventLoops
internal import Logging
internal import PacketTunnel
internal import Synchronization

/// What all connections of a server share. Never changes.
final class SSHServerContext: Sendable {
    let configuration: SSHServerConfiguration
    let library: SSHServerLibrary
    let startups: SSHServerStartups
    let refusals = SSHServerRefusalLog()
    let shares: SSHServerKeyShares
    let delegate: any SSHServerDelegate
    let logger: Logger
    /// What the kernel does not give has been said.
    let adviceIsGiven = Atomic(false)

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
        shares = SSHServerKeyShares(configuration.keyLimits)
        startups = SSHServerStartups(
            limits: configuration.maxStartups,
            perSource: configuration.perSourceMaxStartups,
            penalties: configuration.penalties
        )
    }
}

/// The connections of one loop. Two timers for all of them, none when there is nothing to wait for.
///
/// Belongs to the loop.
final class SSHServerWorker {
    let loop: EventLoop
    let context: SSHServerContext
    private let load: SSHServerLoad

    private var connections: [ObjectIdentifier: SSHServerConnection] = [:]
    private var unauthenticated: [ObjectIdentifier: SSHServerConnection] = [:]
    private var loginTimer: (any ScheduledWork)?
    private var aliveTimer: (any ScheduledWork)?
    private var keyTimer: (any ScheduledWork)?
    /// Users whose keys are being looked for.
    private var awaitedUsers: Set<String> = []
    private var isStopped = false

    init(loop: EventLoop, context: SSHServerContext, load: SSHServerLoad) {
        self.loop = loop
        self.context = context
        self.load = load
    }

    /// Starts a connection over `descriptor`.
    func adopt(_ descriptor: Int32, address: String, port: UInt16, place: SSHServerPlace) {
        let connection = SSHServerConnection(remoteAddress: address, remotePort: port, place: place, worker: self)
        connections[ObjectIdentifier(connection)] = connection
        unauthenticated[ObjectIdentifier(connection)] = connection
        do {
            try connection.start(descriptor)
            if isStopped { return connection.close(reason: "the server is stopping") }
        } catch {
            // A peer that has disconnected already, a probe for instance, is no failure of the server.
            let isGone = error.kind == .connection
            let event = isGone ? "connection ended before login" : "connection not started"
            connection.logRefusal(event, reason: "\(error)")
            return didEnd(connection)
        }
        let displaced = WeakLoopBound(connection, on: loop)
        place.whenRevoked { displaced.execute { $0.wasDisplaced() } }
        armLoginTimer()
    }

    func didAuthenticate(_ connection: SSHServerConnection) {
        guard unauthenticated.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        context.startups.loggedIn(connection.place, now: loop.now)
        armAliveTimer()
        armKeyTimer()
    }

    func didEnd(_ connection: SSHServerConnection) {
        if unauthenticated.removeValue(forKey: ObjectIdentifier(connection)) != nil {
            context.startups.ended(connection.place, connection.offence, now: loop.now)
        } else {
            context.startups.wasHere(connection.place.source, now: loop.now)
        }
        if connections.removeValue(forKey: ObjectIdentifier(connection)) != nil {
            load.count.subtract(1, ordering: .relaxed)
        }
    }

    /// Ends all connections before it returns, and those that are still on their way here when they arrive.
    func stop(reason: String) {
        isStopped = true
        loginTimer?.cancel()
        aliveTimer?.cancel()
        keyTimer?.cancel()
        for connection in Array(connections.values) { connection.session?.endNow(reason, disconnectMessage: reason) }
    }

    // MARK: Timers

    private func armLoginTimer() {
        guard loginTimer == nil, let next = unauthenticated.values.map(\.loginDeadline).min() else { return }
        let wait = next > loop.now ? next - loop.now : 0
        loginTimer = loop.scheduleHere(after: wait) { [weak self] in
            guard let self else { return }
            loginTimer = nil
            for connection in Array(unauthenticated.values) { connection.checkLogin(now: loop.now) }
            armLoginTimer()
        }
    }

    /// Asks whether the users who are logged in are still permitted.
    private func armKeyTimer() {
        guard keyTimer == nil, !isStopped, connections.count > unauthenticated.count,
            let load = context.configuration.loadKeys
        else { return }
        keyTimer = loop.scheduleHere(after: context.configuration.keyCheckInterval.nanoseconds) { [weak self] in
            guard let self else { return }
            keyTimer = nil
            let worker = WeakLoopBound(self, on: loop)
            for user in Set(connections.values.lazy.filter(\.isAuthenticated).map(\.user)).subtracting(awaitedUsers) {
                awaitedUsers.insert(user)
                load(user) { check in worker.execute { $0.check(user, check) } }
            }
            armKeyTimer()
        }
    }

    private func check(_ user: String, _ check: SSHServerConfiguration.KeyCheck) {
        awaitedUsers.remove(user)
        for connection in Array(connections.values) where connection.user == user { connection.checkKey(check) }
    }

    private func armAliveTimer() {
        let interval = context.configuration.clientAliveInterval.nanoseconds
        guard aliveTimer == nil, interval > 0, !connections.isEmpty, !isStopped else { return }
        aliveTimer = loop.scheduleHere(after: interval) { [weak self] in
            guard let self else { return }
            aliveTimer = nil
            for connection in Array(connections.values) { connection.checkAlive() }
            armAliveTimer()
        }
    }
}
