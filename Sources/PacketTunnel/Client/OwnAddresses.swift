internal import IPPacket

/// The addresses of this side of the tunnel: what may be sent from, and what a packet from the server may be for.
///
/// The kernel delivers a packet that comes in on any device to any address of the host, and forwards what is for others where
/// that is on: a server could reach every service of the host and its networks.
///
/// What is for us are the addresses that the device was given, and the one of each family that this connection's packets were
/// first sent from, as the server learns it: somebody may change the device's addresses while it works.
struct OwnAddresses {
    private let given: [IPAddress]
    private var learnt: [2 of IPAddress?] = [nil, nil]
    /// The server learns anew with each connection.
    private var isFresh: [2 of Bool] = [false, false]

    init(_ given: [IPAddress]) {
        self.given = given
    }

    /// A connection begins.
    mutating func connected() { isFresh = [false, false] }

    /// Notes what a packet is sent from. The server refuses, and counts, what is not the connection's own.
    mutating func learn(source: IPAddress, _ version: IPVersion) {
        let index = version == .v4 ? 0 : 1
        guard !isFresh[index] else { return }
        isFresh[index] = true
        learnt[index] = source
    }

    /// True if a packet for this address is for us. Where nothing is known of a family, it is.
    func accepts(destination: IPAddress, _ version: IPVersion) -> Bool {
        let own = learnt[version == .v4 ? 0 : 1]
        return own == destination || given.contains(destination) || (given.isEmpty && own == nil)
    }
}
