public import IPPacket
public import OpenSSHSyntax

/// The networks that clients may reach although they are denied: `none` or `PREFIX,…`.
public struct PermittedNetworks: ConfigurationValue {
    /// The networks, of both families.
    public var prefixes: [IPPrefix]

    /// These networks.
    public init(_ prefixes: [IPPrefix]) {
        self.prefixes = prefixes
    }

    /// How a synopsis calls it.
    public static var placeholder: String { "none|PREFIX[,PREFIX...]" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        prefixes = []
        guard text.lowercased() != "none" else { return }
        for item in text.parts(at: ",") {
            prefixes.append(try PrefixText.parse(String(item)))
        }
    }

    /// The text that is read back to an equal value.
    public var description: String {
        prefixes.isEmpty ? "none" : prefixes.map(\.description).joined(separator: ",")
    }
}
