import IPPacket

/// Two documentation addresses of each family.
struct Ends: Sendable, CustomStringConvertible {
    let version: IPVersion
    let source: IPAddress
    let destination: IPAddress

    var description: String { "IP\(version)" }

    static let v4 = Ends(version: .v4, source: address("192.0.2.10"), destination: address("198.51.100.20"))
    static let v6 = Ends(version: .v6, source: address("2001:db8::10"), destination: address("2001:db8:1::20"))
    static let both = [v4, v6]
}
