public import IPPacket
public import OpenSSHSyntax

extension UpOptions {
    /// One `--route`: a prefix, an address for itself alone, or `default` for everything.
    public enum Route: ConfigurationValue {
        /// Everything of every family that the tunnel has.
        case everything
        /// One network.
        case network(IPPrefix)

        /// How a synopsis calls it.
        public static var placeholder: String { "CIDR" }

        /// Reads it.
        ///
        /// - Throws: what is wrong with the text.
        public init(parsing text: String) throws(ValueProblem) {
            self = text.lowercased() == "default" ? .everything : .network(try PrefixText.parse(text))
        }

        /// Reads a prefix, or an address for itself alone.
        ///
        /// - Throws: what is wrong with the text.
        public static func prefix(parsing text: String) throws(ValueProblem) -> IPPrefix { try PrefixText.parse(text) }

        /// The text that is read back to an equal value.
        public var description: String {
            switch self {
            case .everything: "default"
            case .network(let prefix): prefix.description
            }
        }

        /// The prefixes to route, for a tunnel with these families.
        public func prefixes(ipv4: Bool, ipv6: Bool) -> [IPPrefix] {
            switch self {
            case .everything:
                (ipv4 ? [IPPrefix(IPAddress(ipv4: 0), length: 0)] : [])
                    + (ipv6 ? [IPPrefix(IPAddress(bits: 0), length: 0)] : [])
            case .network(let prefix): [prefix]
            }
        }
    }
}
