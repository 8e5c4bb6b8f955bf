internal import EventLoops
internal import Glibc
internal import OpenSSHSyntax
internal import Synchronization

/// The whole name of a host, as `CanonicalizeHostname` and its kin have it looked up.
///
/// Asks the name service, on the connecting thread, for `ConnectTimeout` at most. What has been found once holds until the
/// process ends: when the network has changed, the resolver may lie behind the very tunnel that is to be made.
struct CanonicalHost {
    private let configuration: SSHClientConfiguration
    private let values: SSHConfigValues
    private let family: Int32
    private let deadline: Int

    private static let known = Mutex<[String: String]>([:])

    /// - Parameter values: what the first reading of the files has given.
    init(_ configuration: SSHClientConfiguration, _ values: SSHConfigValues) {
        self.configuration = configuration
        self.values = values
        family = SSHClientSettings.addressFamily(values)
        deadline = SystemClock.milliseconds + SSHClientSettings.connectTimeout(values) * 1_000
    }

    private var mode: String { values["canonicalizehostname"]?.text.lowercased() ?? "no" }

    /// Whether names are made whole, so that the files are read again for what they say about the whole name.
    var isWanted: Bool { mode != "no" && mode != "false" }

    /// A name that a jump host or a proxy command looks up is left to that, unless `always` says otherwise.
    private var isOurs: Bool { mode == "always" || !SSHClientSettings.usesProxy(values) }

    /// The name to go on with: the whole name, or the one that was given where there is none. Addresses are written in the
    /// one form that known_hosts has.
    ///
    /// - Throws: `SSHClientError` of kind `unreachable` where there has to be one.
    func name(_ host: String) throws(SSHClientError) -> String {
        if let address = Self.address(host) { return address }
        let host = host.lowercased()
        guard isWanted, isOurs else { return host }
        let key = ([host, "\(family)"] + (values["canonicaldomains"]?.words ?? [])).joined(separator: " ")
        if let known = Self.known.withLock({ $0[key] }) { return known }
        guard let name = try find(host) else { return host }
        Self.known.withLock { $0[key] = name }
        return name
    }

    /// The usual text of an address; nil for a name.
    private static func address(_ host: String) -> String? {
        let question = NameLookup.Question(name: host, port: 22, family: AF_UNSPEC)
        guard let address = NameLookup.resolve(question, flags: AI_NUMERICHOST).addresses.first else { return nil }
        // The interface of a link-local address is a name of its own.
        return "\(address)" + (host.utf8.firstIndex(of: UInt8(ascii: "%")).map { String(host[$0...]) } ?? "")
    }

    private func find(_ host: String) throws(SSHClientError) -> String? {
        if let found = try findInDomains(host) { return found }
        guard !aliases.isEmpty else { return nil }
        // As with ssh: by the resolver's own domains then, and only to see what the name is an alias of.
        guard let found = lookUp(host) else {
            guard mode == "always" else { throw notFound(host) }
            return nil
        }
        return follow(host, found)
    }

    private func findInDomains(_ host: String) throws(SSHClientError) -> String? {
        var names: [String] = []
        if let name = host.rest(before: ".") {
            names = [String(name)]
        } else {
            let limit = values["canonicalizemaxdots"].flatMap { Int($0.text) } ?? 1
            guard host.utf8.count(where: { $0 == UInt8(ascii: ".") }) <= limit else { return nil }
            names = domains.map { "\(host).\($0)" }
        }
        for name in names {
            if let found = lookUp(name + ".") { return follow(name, found) }
        }
        let fallback = values["canonicalizefallbacklocal"].flatMap { SSHConfigSyntax.flag($0.text) } ?? true
        guard fallback else { throw notFound(host) }
        return nil
    }

    private var domains: [String] {
        values["canonicaldomains"].flatMap { try? CanonicalDomains($0.words) }?.domains ?? []
    }

    private var aliases: CanonicalAliases {
        values["canonicalizepermittedcnames"].flatMap { try? CanonicalAliases($0.words) } ?? .none
    }

    private func follow(_ name: String, _ canonical: String) -> String {
        canonical != name && aliases.permit(name, canonical) ? canonical : name
    }

    private func notFound(_ host: String) -> SSHClientError {
        let places = domains.isEmpty ? "" : " in \(domains.joined(separator: ", "))"
        return SSHClientError(
            .unreachable,
            "cannot find the whole name of \(host)\(places) (CanonicalizeHostname); check its spelling and your DNS"
        )
    }

    /// What DNS calls the name; nil if nobody knows it, or nobody answers.
    private func lookUp(_ name: String) -> String? {
        var question = NameLookup.Question(name: name, port: 22, family: family)
        question.wantsCanonicalName = true
        var names = ServerNames(question, configuration)
        while true {
            let now = SystemClock.milliseconds
            if !names.takeFound().isEmpty {
                return names.canonicalName.flatMap(CanonicalDomains.name)
                    ?? String(name.rest(before: ".") ?? name[...])
            }
            guard !names.isOver, now < deadline else { return nil }
            var limit = deadline - now
            var descriptors: [pollfd] = []
            names.wait(in: &descriptors, milliseconds: &limit, now: now)
            poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: limit))
            names.advance(descriptors)
        }
    }
}
