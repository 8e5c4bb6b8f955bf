internal import EventLoops
internal import Glibc

/// Looks up the addresses of a server beside the attempts to connect to those that are known: by the system's resolver, and if
/// that does not answer at once, by name servers over sockets that are kept out of the tunnel.
///
/// For the connecting thread. Nothing else is ever looked up but names of servers and of jump hosts.
struct ServerNames {
    /// Milliseconds that the system's resolver has for itself; none where the server has been reached before: its resolver may
    /// lie in the tunnel that is down.
    private static let headStart = 300

    private let headStart: Int
    private let question: NameLookup.Question
    private let configuration: SSHClientConfiguration
    private var system: NameLookup?
    private var servers: NameServerLookup?
    private var found: [ServerAddress] = []
    private let start = SystemClock.milliseconds

    /// True if the name is an address.
    let isLiteral: Bool
    /// What getaddrinfo(3) has said; 0 for success, and before it has.
    private(set) var problem: Int32 = 0
    /// The name that a CNAME has led to, or the name itself; nil until the system's resolver has said.
    private(set) var canonicalName: String?

    /// - Parameter isKnown: the server has been reached before.
    init(_ question: NameLookup.Question, _ configuration: SSHClientConfiguration, isKnown: Bool = false) {
        headStart = isKnown ? 0 : Self.headStart
        self.question = question
        self.configuration = configuration
        let literal = NameLookup.resolve(question, flags: AI_NUMERICHOST)
        isLiteral = literal.code == 0
        found = literal.addresses
        guard !isLiteral else { return }
        system = NameLookup(question)
        if system == nil { problem = EAI_AGAIN }
    }

    /// True when nothing more will be found. What name servers outside have said is all that there is; the system's resolver
    /// may be silent for half a minute then.
    var isOver: Bool {
        guard found.isEmpty, servers?.isDone != false else { return false }
        return system == nil || servers?.hasFound == true
    }

    /// Addresses that have been found since the last call.
    mutating func takeFound() -> [ServerAddress] {
        if let answer = system?.result {
            system = nil
            problem = answer.code
            canonicalName = answer.canonicalName
            found += answer.addresses
            // A name that does not exist need not be asked for again; a resolver that cannot say is no answer.
            if answer.code == EAI_AGAIN || answer.code == EAI_FAIL { askServers() }
        }
        if let servers { found += servers.takeFound() }
        defer { found = [] }
        return found
    }

    private mutating func askServers() {
        guard servers == nil else { return }
        servers = NameServerLookup(
            question,
            servers: configuration.nameServers(),
            prepare: configuration.prepareSocket
        )
    }

    /// Adds what to wait for to the arguments of poll(2).
    mutating func wait(in descriptors: inout [pollfd], milliseconds: inout Int, now: Int) {
        if let system {
            descriptors.append(pollfd(fd: system.descriptor, events: Int16(POLLIN), revents: 0))
            let left = start + headStart - now
            if servers == nil, left <= 0 { askServers() }
            if servers == nil { milliseconds = min(milliseconds, left) }
        }
        servers?.wait(in: &descriptors, milliseconds: &milliseconds)
    }

    /// Goes on after poll(2) with what `wait` has added.
    func advance(_ descriptors: [pollfd]) { servers?.advance(descriptors) }
}
