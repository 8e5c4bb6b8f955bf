public import IPPacket
public import OpenSSHSyntax

/// An address for an interface together with its network's length: `10.20.30.40/24`, `2001:db8::1/64`. Without length
/// the network is the address alone.
public struct ClientAddress: ConfigurationValue {
    /// The address, with its host bits.
    public let address: IPAddress
    /// Leading bits of the network: 0 to 32, or 0 to 128.
    public let prefixLength: Int

    /// An address in a network of `prefixLength` leading bits.
    public init(_ address: IPAddress, prefixLength: Int) {
        precondition((0...(address.isIPv4 ? 32 : 128)).contains(prefixLength))
        self.address = address
        self.prefixLength = prefixLength
    }

    /// How a synopsis calls it.
    public static var placeholder: String { "CIDR" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        let parts = text.parts(at: "/", maxSplits: 1)
        guard let address = parts.first.flatMap({ IPAddress($0) }), let prefix = IPPrefix(text) else {
            throw ValueProblem(
                "\"\(text)\" is not an address with prefix length",
                hint: "write for example 10.20.30.40/24"
            )
        }
        self.init(address, prefixLength: prefix.length)
    }

    /// The text that is read back to an equal value.
    public var description: String { "\(address)/\(prefixLength)" }
}
