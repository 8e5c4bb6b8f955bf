public import IPPacket
public import OpenSSHSyntax

/// Whom `AllowUsers` and `DenyUsers` mean: `NAME` or `NAME@ADDRESS`, as in sshd.
///
/// `*` and `?` match in both parts; the address part may be a prefix like `192.0.2.0/24`. Host names are not looked up.
public struct UserPattern: ConfigurationValue {
    /// The pattern of the user's name.
    public let user: String
    /// The pattern of the address the user comes from; nil for any.
    public let address: String?
    private let prefix: IPPrefix?

    /// How a synopsis calls it.
    public static var placeholder: String { "USER[@ADDRESS]" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        let parts = text.parts(at: "@", maxSplits: 1).map(String.init)
        guard let user = parts.first, !user.isEmpty, parts.last?.isEmpty == false else {
            throw ValueProblem("\"\(text)\" is not a user", hint: "write NAME or NAME@ADDRESS")
        }
        guard !text.begins(with: "!") else {
            throw ValueProblem("\"\(text)\" negates a pattern", hint: "use DenyUsers and AllowUsers together instead")
        }
        self.user = user
        self.address = parts.count == 2 ? parts[1] : nil
        self.prefix = parts.count == 2 && parts[1].hasByte(of: "/") ? try PrefixText.parse(parts[1]) : nil
    }

    /// The text that is read back to an equal value.
    public var description: String { address.map { "\(user)@\($0)" } ?? user }

    /// True for a user, wherever they come from.
    func matches(user name: String) -> Bool { Wildcard.matches(user, name) }

    /// True for a user who comes from an address.
    public func matches(user name: String, from source: IPAddress) -> Bool {
        guard Wildcard.matches(user, name) else { return false }
        guard let address else { return true }
        if let prefix { return prefix.network.isIPv4 == source.isIPv4 && prefix.contains(source) }
        return Wildcard.matches(address, "\(source)")
    }
}
