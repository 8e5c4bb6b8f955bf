internal import IPPacket

/// The addresses of this side of the tunnel: what may be sent from, and what a packet from the server may be for.
///
/// The kernel delivers a packet that comes in on any device to any address of the host, and forwards what is for others where
/// that is on: a server could reach every service of the host and its networks.
struct OwnAddresses {
    private let given: [IPAddress]
    /// Where none were given: the first that packets of each family were sent from, as the server learns them.
    private var learnt: [2 of IPAddress?] = [nil, nil]
    /// The server learns anew with each connection.
    private var isFresh: [2 of Bool] = [false, false]

    init(_ given: [IPAddress]) {
        self.given = given
    }

    /// A connection begins.
    mutating func connected() { isFresh = [false, false] }

    /// True if packets may be sent from this address.
    mutating func admits(source: IPAddress, _ version: IPVersion) -> Bool {
        guard given.isEmpty else { return given.contains(source) }
        let index = version == .v4 ? 0 : 1
        if !isFresh[index] {
            isFresh[index] = true
            learnt[index] = source
        }
        return true
    }

    /// True if a packet for this address is for us. Before anything is known, it is.
    func accepts(destination: IPAddress, _ version: IPVersion) -> Bool {
        guard given.isEmpty else { return given.contains(destination) }
        guard let own = learnt[version == .v4 ? 0 : 1] else { return true }
        return own == destination
    }
}
