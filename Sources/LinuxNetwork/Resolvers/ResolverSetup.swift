internal import Glibc
internal import IPPacket
internal import Logging

/// What this host's programs ask while a tunnel is up, and the way back.
///
/// Made by `start`, after the interface is up; `undo()` brings back what was there, but only where it is still as this
/// object has left it. What a killed client has left is undone by the next start, or by `removeLeftovers`, at the next
/// boot as well.
///
/// An object belongs to one task. Its calls wait for commands and files, so they do not belong on an event loop's thread.
public final class ResolverSetup {
    /// What was done, for a log line: `systemd-resolved`, `resolvconf`, `/etc/resolv.conf`.
    public private(set) var methods: [String] = []

    private let settings: ResolverSettings
    private let interface: String
    private let options: NetworkSetupOptions
    private let store: ResolverStore
    private var own: (entry: ResolverStore.Entry, lock: FileLock)?
    private var usesService = false

    private init(_ settings: ResolverSettings, interface: String, options: NetworkSetupOptions) {
        self.settings = settings
        self.interface = interface
        self.options = options
        store = ResolverStore(options)
    }

    /// Makes programs ask the resolvers of `settings`.
    ///
    /// - Parameters:
    ///   - interface: the tun's name; it has to be up.
    /// - Throws: `NetworkSetupError`; nothing is left behind then.
    public static func start(
        _ settings: ResolverSettings,
        method: ResolverMethod,
        interface: String,
        options: NetworkSetupOptions
    ) async throws(NetworkSetupError) -> ResolverSetup {
        let setup = ResolverSetup(settings, interface: interface, options: options)
        do {
            try await setup.make(method)
        } catch {
            await setup.undo()
            throw error
        }
        return setup
    }

    /// Brings back what killed clients have changed. Problems are logged, and tried again next time.
    ///
    /// - Returns: whether nothing of them is left.
    @discardableResult
    public static func removeLeftovers(_ options: NetworkSetupOptions) async -> Bool {
        let store = ResolverStore(options)
        guard store.exists else { return true }
        do {
            let lock = try await store.lock()
            defer { withExtendedLifetime(lock) {} }
            try await store.reclaim(options)
            return true
        } catch {
            options.logger.warning(
                "cannot bring back the resolvers that a killed client has replaced",
                metadata: ["error": "\(error)"]
            )
            return false
        }
    }

    /// The resolvers that this host's file named before a tunnel has put its own there, as text; empty if none has.
    public static func nameServersBefore(persistentDirectory: String? = nil) -> [String] {
        textBefore(persistentDirectory: persistentDirectory).map { ResolverText.nameservers(in: $0) } ?? []
    }

    /// What this host's file said before a tunnel has put its own there; nil if none has.
    public static func textBefore(persistentDirectory: String? = nil) -> String? {
        var options = NetworkSetupOptions(logger: Logger(label: "packet-tunnel"))
        if let persistentDirectory { options.persistentDirectory = persistentDirectory }
        return ResolverStore(options).before()?.snapshot.text
    }

    /// Writes our resolvers again if another program, such as a DHCP client, has written its own meanwhile. Those are
    /// what `undo()` then brings back.
    ///
    /// - Returns: whether that was so.
    public func refresh() async throws(NetworkSetupError) -> Bool {
        guard own?.entry.text != nil else { return false }
        let lock = try await store.lock()
        defer { withExtendedLifetime(lock) {} }
        return try await store.apply()
    }

    /// Takes everything back. Problems are logged. Idempotent.
    public func undo() async {
        do {
            if usesService { try await ResolvedService(options).revert(interface: interface) }
            usesService = false
        } catch {
            report(error)
        }
        guard let own else { return }
        self.own = nil
        do {
            let lock = try await store.lock()
            defer { withExtendedLifetime(lock) {} }
            try await store.remove(own.entry, options)
            try await store.apply()
        } catch {
            report(error)
        }
    }

    private func report(_ error: NetworkSetupError) {
        options.logger.warning("cannot bring the resolvers back", metadata: ["error": "\(error)"])
    }

    // MARK: Making changes

    private func make(_ method: ResolverMethod) async throws(NetworkSetupError) {
        if store.exists { await Self.removeLeftovers(options) }
        var allowed = settings.addresses.prefix(ResolverText.limit).map(\.description)
        if method == .automatic || method == .resolved {
            usesService = try await tell(ResolvedService(options), isRequired: method == .resolved)
            if usesService { allowed += ResolverText.stubs }
        }
        guard method != .resolved else { return }
        let before = store.file.snapshot
        let isServed = usesService && ResolverText.names(only: allowed, in: before.text)
        if method == .resolvconf
            || method == .automatic && !isServed && ResolvconfCommand.isThere
                && ResolvconfCommand.manages(before)
        {
            try await register(before)
            guard method == .automatic else { return }
        }
        if method == .file || !ResolverText.names(only: allowed, in: store.file.snapshot.text) {
            try await write(replacing: before)
        }
    }

    private func tell(_ service: ResolvedService, isRequired: Bool) async throws(NetworkSetupError) -> Bool {
        guard await service.answers else {
            guard isRequired else { return false }
            throw NetworkSetupError(
                .resolverSetup,
                "systemd-resolved does not answer on the system's bus, or not for this network namespace",
                advice: "start it with `systemctl start systemd-resolved`, or choose --dns-setup auto"
            )
        }
        do {
            try await service.set(settings, interface: interface)
        } catch {
            try? await service.revert(interface: interface)
            throw error
        }
        methods.append("systemd-resolved")
        return true
    }

    private func register(_ before: ResolverFile.Snapshot) async throws(NetworkSetupError) {
        guard ResolvconfCommand.isThere else {
            throw NetworkSetupError(
                .resolverSetup,
                "there is no command resolvconf but systemd-resolved's",
                advice: "install openresolv, or choose --dns-setup auto"
            )
        }
        let lock = try await store.lock()
        defer { withExtendedLifetime(lock) {} }
        let record = ResolvconfCommand.record(for: interface)
        own = try store.add(record: record, text: nil)
        try await ResolvconfCommand(runner: options.runner).add(settings, record: record)
        // At the next boot its records are gone, and the file may have stayed.
        let now = store.file.snapshot
        if case .file = before.form, case .file = now.form, now.bytes != before.bytes {
            try store.save(before, after: now.bytes ?? [], isReplaced: false)
        }
        methods.append("resolvconf")
    }

    private func write(replacing before: ResolverFile.Snapshot) async throws(NetworkSetupError) {
        let lock = try await store.lock()
        defer { withExtendedLifetime(lock) {} }
        let text = ResolverText.make(settings, interface: interface, replacing: before.text)
        let record = own?.entry.record
        let old = own
        own = try store.add(record: record, text: text)
        if let old { unlink(old.entry.path) }
        try await store.apply()
        methods.append(store.file.path)
    }
}
