public import IPPacket

/// An address to listen on, and perhaps a port of its own: `192.0.2.1`, `192.0.2.1:2222`, `2001:db8::1`,
/// `[2001:db8::1]:2222`. Names are not looked up: what a daemon listens on must not depend on a resolver.
public struct ListenAddress: ConfigurationValue {
    /// The address; all zeros for every address of its family.
    public var address: IPAddress
    /// The port; nil for those of `Port`.
    public var port: UInt16?

    /// An address, and perhaps a port of its own.
    public init(_ address: IPAddress, port: UInt16? = nil) {
        self.address = address
        self.port = port
    }

    /// True if every address of the family is meant.
    public var isEveryAddress: Bool { address == IPAddress(ipv4: 0) || address == IPAddress(bits: 0) }

    /// How a synopsis calls it.
    public static var placeholder: String { "ADDRESS[:PORT]" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        let (host, port) = Self.split(text)
        guard let address = IPAddress(host) else {
            throw ValueProblem(
                "\"\(text)\" is not an IP address",
                hint: "write 192.0.2.1, 192.0.2.1:2222 or [2001:db8::1]:2222"
            )
        }
        guard let port else {
            self.init(address)
            return
        }
        guard let number = wholeNumber(port, as: UInt16.self), number > 0 else {
            throw ValueProblem("\"\(port)\" is not a port", hint: "ports are 1 to 65535")
        }
        self.init(address, port: number)
    }

    /// The text that is read back to an equal value.
    public var description: String {
        guard let port else { return "\(address)" }
        return address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }

    private static func split(_ text: String) -> (host: String, port: Substring?) {
        if text.begins(with: "["), let close = text.utf8.firstIndex(of: UInt8(ascii: "]")) {
            let host = String(Substring(text.utf8[..<close].dropFirst()))
            let rest = Substring(text.utf8[close...].dropFirst())
            if rest.isEmpty { return (host, nil) }
            return rest.rest(after: ":").map { (host, $0) } ?? (text, nil)
        }
        let parts = text.parts(at: ":")
        return parts.count == 2 ? (String(parts[0]), parts[1]) : (text, nil)
    }
}
