/// One `-o OPTION=VALUE` of the client: an option of ssh_config. `OPTION VALUE` is the same.
public struct SSHOption: ConfigurationValue {
    /// The option as the manual of ssh_config spells it.
    public let name: String
    /// Its value, without quotation marks.
    public let value: String

    /// The options that can be given: those that the client or its SSH library understands.
    public static let known = [
        "AddressFamily", "BindAddress", "BindInterface", "Ciphers", "Compression", "ConnectTimeout",
        "GlobalKnownHostsFile",
        "HostKeyAlgorithms", "HostName", "IdentitiesOnly", "IdentityAgent", "IdentityFile", "KexAlgorithms", "LogLevel",
        "MACs", "Port", "ProxyCommand",
        "ProxyJump", "PubkeyAcceptedAlgorithms", "RekeyLimit", "ServerAliveCountMax", "ServerAliveInterval",
        "StrictHostKeyChecking", "User", "UserKnownHostsFile",
    ]

    /// How a synopsis calls it.
    public static var placeholder: String { "OPTION=VALUE" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        let words: (keyword: Word, arguments: [Word])?
        do throws(LineLexer.Failure) {
            words = try LineLexer.split(text)
        } catch {
            throw ValueProblem("\"\(text)\": \(error.reason)")
        }
        guard let words, !words.arguments.isEmpty else {
            throw ValueProblem("\"\(text)\" is not OPTION=VALUE", hint: "write for example StrictHostKeyChecking=yes")
        }
        let typed = words.keyword.text
        guard let name = Self.known.first(where: { $0.lowercased() == typed.lowercased() }) else {
            throw ValueProblem("unknown option \(typed)", hint: NearestWord.hint(typed, among: Self.known))
        }
        self.name = name
        value = words.arguments.map(\.text).joined(separator: " ")
    }

    /// The text that is read back to an equal value.
    public var description: String { "\(name)=\(quoted(value))" }
}
