internal import EventLoops
internal import Glibc
internal import IPPacket

/// Makes the TCP connection to a server that libssh goes on with, which would try one address alone.
///
/// Places where a login has succeeded before come first, then all addresses of the name, families alternating. The name is
/// looked up beside that. Blocks on the connecting thread.
struct ServerConnector {
    private let configuration: SSHClientConfiguration
    private let settings: SSHClientSettings
    private let host: String
    private let port: UInt16

    /// Milliseconds between two attempts at the places where the server has been, while its other addresses are silent, or its
    /// name cannot be looked up: the resolver may lie in the tunnel that is down.
    private static let retryPause = 250

    /// How a server is known in the address book.
    var server: String { "[\(host)]:\(port)" }
    private var place: String { "\(host) port \(port)" }

    init(_ configuration: SSHClientConfiguration, _ settings: SSHClientSettings, host: String, port: UInt16) {
        self.configuration = configuration
        self.settings = settings
        self.host = host
        self.port = port
    }

    /// Connects.
    ///
    /// - Parameters:
    ///   - deadline: in the milliseconds of `SystemClock`.
    ///   - stale: addresses to leave out.
    /// - Returns: a connected socket, non-blocking, that is the caller's.
    /// - Throws: `SSHClientError`, mostly `unreachable`.
    func connect(
        until deadline: Int,
        avoiding stale: Set<ServerAddress> = []
    ) throws(SSHClientError) -> (descriptor: Int32, address: ServerAddress) {
        var race = ConnectionRace(leavingOut: stale, open: open)
        let known = AddressBook.addresses(of: server)
        var names = ServerNames(question, configuration, isKnown: !known.isEmpty)
        var nextRetry = SystemClock.milliseconds + Self.retryPause
        if names.isLiteral {
            race.add(names.takeFound())
        } else {
            race.add(known.filter(isWanted))
        }
        while true {
            race.add(names.takeFound().filter(isWanted))
            let now = SystemClock.milliseconds
            if let winner = race.advance(now: now) { return winner }
            guard !names.isOver || !race.isOver else { throw failure(race.failures, names.problem) }
            if now >= nextRetry {
                race.retry(known)
                nextRetry = now + Self.retryPause
                continue
            }
            guard now < deadline else { throw silence(race.unanswered, race.failures) }
            var limit = min(deadline - now, race.timeToNextStart(now: now) ?? .max)
            if !race.failures.isEmpty { limit = min(limit, nextRetry - now) }
            var descriptors = race.descriptors
            names.wait(in: &descriptors, milliseconds: &limit, now: now)
            poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: limit))
            names.advance(descriptors)
        }
    }

    private var question: NameLookup.Question {
        NameLookup.Question(name: host, port: port, family: settings.addressFamily)
    }

    private func isWanted(_ address: ServerAddress) -> Bool {
        settings.addressFamily == AF_UNSPEC || address.family == settings.addressFamily
    }

    // MARK: One socket

    private func open(_ address: ServerAddress) throws(SSHClientError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, type, 0)
        guard descriptor >= 0 else { throw SSHClientError(.unreachable, String(cString: strerror(errno))) }
        do {
            if let interface = settings.bindInterface { try configuration.bindToDevice(descriptor, interface) }
            if let local = settings.bindAddress { try bind(descriptor, to: local, family: address.family) }
            try configuration.prepareSocket(
                SSHOutgoingSocket(
                    descriptor: descriptor,
                    address: address.address,
                    port: address.port,
                    purpose: .server
                )
            )
        } catch {
            close(descriptor)
            throw error as? SSHClientError ?? SSHClientError(.usage, "\(error)")
        }
        return descriptor
    }

    private func bind(_ descriptor: Int32, to local: String, family: Int32) throws(SSHClientError) {
        let answer = NameLookup.resolve(NameLookup.Question(name: local, port: 0, family: family))
        guard let address = answer.addresses.first else {
            throw SSHClientError(.unreachable, "BindAddress \(local): \(String(cString: gai_strerror(answer.code)))")
        }
        guard address.withSocketAddress({ Glibc.bind(descriptor, $0, $1) }) == 0 else {
            throw SSHClientError(.unreachable, "BindAddress \(local): \(String(cString: strerror(errno)))")
        }
    }

    // MARK: Failures

    private typealias Failures = [(address: ServerAddress, reason: ConnectionRace.Reason)]

    private func failure(_ failures: Failures, _ nameProblem: Int32) -> SSHClientError {
        guard let first = failures.first else { return nameFailure(nameProblem) }
        if failures.allSatisfy({ $0.reason == first.reason }) {
            switch first.reason {
            case .system(ECONNREFUSED):
                let isUsual = port == 22 && configuration.jumpDepth == 0
                return SSHClientError(
                    .unreachable,
                    "\(place) refuses the connection: no SSH server listens there"
                        + (isUsual ? "; packet-tunneld \(ServerProgram.usualPort)" : "")
                )
            case .system(ETIMEDOUT): return silent()
            case .system(let code):
                return SSHClientError(.unreachable, "cannot reach \(place): \(String(cString: strerror(code)))")
            case .setup(let kind, let text): return SSHClientError(kind, text)
            }
        }
        return SSHClientError(.unreachable, "cannot reach \(place): \(Self.list(failures))")
    }

    /// The name is right, or was at some time: only the resolver can say, and it may be out of reach.
    private func nameFailure(_ code: Int32) -> SSHClientError {
        switch code {
        case EAI_AGAIN, EAI_SYSTEM, EAI_FAIL, EAI_MEMORY:
            SSHClientError(
                .unreachable,
                "cannot look up \(place): \(String(cString: gai_strerror(code))); check your network and its DNS"
            )
        case _ where settings.addressFamily != AF_UNSPEC:
            SSHClientError(.unreachable, "\(place) has no address of the family that AddressFamily asks for")
        default:
            SSHClientError(.unreachable, "cannot find \(place): no such host name; check its spelling and your DNS")
        }
    }

    private func silence(_ unanswered: [ServerAddress], _ failures: Failures) -> SSHClientError {
        guard !unanswered.isEmpty else { return nameFailure(EAI_AGAIN) }
        guard !failures.isEmpty else { return silent() }
        let all = failures + unanswered.map { ($0, .system(ETIMEDOUT)) }
        return SSHClientError(.unreachable, "cannot reach \(place): \(Self.list(all))")
    }

    private func silent() -> SSHClientError {
        SSHClientError(.unreachable, "\(place) does not answer; check address, port and firewalls")
    }

    private static func list(_ failures: Failures) -> String {
        let most = 8
        let lines = failures.prefix(most).map { failure in
            switch failure.reason {
            case .system(let code): "\(failure.address): \(String(cString: strerror(code)))"
            case .setup(_, let text): "\(failure.address): \(text)"
            }
        }
        let more = failures.count > most ? ["and \(failures.count - most) more"] : []
        return (lines + more).joined(separator: "; ")
    }
}
