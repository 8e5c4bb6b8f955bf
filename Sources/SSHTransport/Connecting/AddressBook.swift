internal import Synchronization

/// The places at which this process has logged in to servers, by the server's name.
///
/// Kept until the process ends: when the network has changed, the resolver may lie behind the very tunnel that is to be
/// made, and a server's address outlives most other things. From any thread.
enum AddressBook {
    private static let known = Mutex<[String: [ServerAddress]]>([:])
    /// A name has a few addresses; one that changes every day leaves no more than so many.
    private static let limit = 16

    /// Places of a server, the last one that worked first.
    static func addresses(of server: String) -> [ServerAddress] { known.withLock { $0[server] ?? [] } }

    /// A login has succeeded there.
    static func note(_ address: ServerAddress, of server: String) {
        known.withLock { book in
            let others = (book[server] ?? []).filter { $0 != address }
            book[server] = Array(([address] + others).prefix(limit))
        }
    }

    /// Something else than the server answers there, or it answers badly: the address is tried after the others.
    static func demote(_ address: ServerAddress, of server: String) {
        known.withLock { book in
            guard let list = book[server], list.contains(address) else { return }
            book[server] = list.filter { $0 != address } + [address]
        }
    }
}
