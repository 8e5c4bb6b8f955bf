internal import CNameServers
internal import Glibc
internal import IPPacket

/// The addresses of one host name, as the name servers know them that are asked over sockets of our own.
///
/// The system's resolver (`NameLookup`) knows more, but where its servers are reached through the tunnel it is of no use
/// while that is down. For one thread; never blocks.
final class NameServerLookup {
    private let question: NameLookup.Question
    private let prepare: (SSHOutgoingSocket) throws -> Void
    private var asked: OpaquePointer?
    private var sockets: Range<Int> = 0..<0
    /// What has been found since it was last taken.
    private var found: [ServerAddress] = []
    /// True once there was an address.
    private(set) var hasFound = false

    /// A name server may send any number of addresses.
    private static let limit = 64

    /// Begins to ask.
    ///
    /// - Parameters:
    ///   - servers: addresses of name servers; empty: those of resolv.conf(5).
    ///   - prepare: sees each socket before it is connected; one that it refuses by an error is not used.
    init(
        _ question: NameLookup.Question,
        servers: [String],
        prepare: @escaping (SSHOutgoingSocket) throws -> Void
    ) {
        self.question = question
        self.prepare = prepare
        asked = nameservers_ask(
            question.name,
            question.family,
            servers.joined(separator: ","),
            nameServerSocketIsReady,
            nameServerHasAnswered,
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    deinit { nameservers_free(asked) }

    /// True when nothing more will be found.
    var isDone: Bool { asked.map { nameservers_is_done($0) } ?? true }

    /// Addresses that have been found since the last call.
    func takeFound() -> [ServerAddress] {
        defer { found = [] }
        return found
    }

    /// Adds what to wait for to the arguments of poll(2).
    func wait(in descriptors: inout [pollfd], milliseconds: inout Int) {
        guard let asked, !isDone else { return sockets = 0..<0 }
        var own = [nameservers_socket](repeating: nameservers_socket(), count: Int(NAMESERVERS_SOCKETS))
        var limit = Int32(clamping: milliseconds)
        let count = Int(nameservers_wait(asked, &own, &limit))
        milliseconds = Int(limit)
        sockets = descriptors.count..<descriptors.count + count
        descriptors += own[..<count].map { pollfd(fd: $0.descriptor, events: $0.events, revents: 0) }
    }

    /// Goes on after poll(2) with what `wait` has added.
    func advance(_ descriptors: [pollfd]) {
        guard let asked, !isDone else { return }
        let ready = descriptors[sockets].filter { $0.revents != 0 }
            .map { nameservers_socket(descriptor: $0.fd, events: $0.revents) }
        nameservers_advance(asked, ready, Int32(ready.count))
    }

    fileprivate func isAdmitted(_ descriptor: Int32, _ server: UnsafePointer<sockaddr>) -> Bool {
        guard let server = ServerAddress(server) else { return false }
        let socket = SSHOutgoingSocket(
            descriptor: descriptor,
            address: server.address,
            port: server.port,
            purpose: .nameServer
        )
        return (try? prepare(socket)) != nil
    }

    fileprivate func add(_ address: UnsafePointer<sockaddr>) {
        guard found.count < Self.limit, let address = ServerAddress(address) else { return }
        hasFound = true
        found.append(ServerAddress(address.address, port: question.port, scope: address.scope))
    }
}

private func lookup(_ user: UnsafeMutableRawPointer?) -> NameServerLookup? {
    user.map { Unmanaged<NameServerLookup>.fromOpaque($0).takeUnretainedValue() }
}

private func nameServerSocketIsReady(
    _ descriptor: Int32,
    _ server: UnsafePointer<sockaddr>?,
    _: socklen_t,
    _ user: UnsafeMutableRawPointer?
) -> Bool {
    guard let server, let lookup = lookup(user) else { return false }
    return lookup.isAdmitted(descriptor, server)
}

private func nameServerHasAnswered(_ address: UnsafePointer<sockaddr>?, _ user: UnsafeMutableRawPointer?) {
    if let address { lookup(user)?.add(address) }
}
