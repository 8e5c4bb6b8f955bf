public import IPPacket
public import OpenSSHSyntax

/// The networks that clients must not reach: `none`, `default`, `default,PREFIX,…` or `PREFIX,…`.
///
/// The default list itself is the core's.
public enum DeniedNetworks: ConfigurationValue {
    /// The core's default list and these.
    case `default`(plus: [IPPrefix])
    /// Only these.
    case only([IPPrefix])
    /// No network is denied.
    case none

    /// How a synopsis calls it.
    public static var placeholder: String { "none|default[,PREFIX...]|PREFIX[,PREFIX...]" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        var items = text.parts(at: ",").map(String.init)
        let hasDefault = items.first?.lowercased() == "default"
        if items.count == 1, items.first?.lowercased() == "none" {
            self = .none
            return
        }
        if hasDefault { items.removeFirst() }
        var prefixes: [IPPrefix] = []
        for item in items {
            if ["none", "default"].contains(item.lowercased()) {
                throw ValueProblem(
                    "\(item.lowercased()) stands in the wrong place",
                    hint: "none stands alone, default first"
                )
            }
            prefixes.append(try PrefixText.parse(item))
        }
        self = hasDefault ? .default(plus: prefixes) : .only(prefixes)
    }

    /// The text that is read back to an equal value.
    public var description: String {
        switch self {
        case .none: "none"
        case .only(let prefixes): prefixes.map(\.description).joined(separator: ",")
        case .default(let prefixes): (["default"] + prefixes.map(\.description)).joined(separator: ",")
        }
    }
}
