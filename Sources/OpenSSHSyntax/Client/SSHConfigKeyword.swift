/// What a client that carries packets does with one keyword of ssh_config(5).
///
/// The one list of such keywords: configuration files, `-o` and the manual page know the same names.
public struct SSHConfigKeyword: Sendable {
    /// What becomes of a value.
    public enum Treatment: Sendable {
        /// It means here what it means to `ssh`.
        case obeyed(SSHConfigSyntax)
        /// It cannot matter to a tunnel; the text says why.
        case ignored(String)
        /// It asks for something that is not done here, and is refused unless it is one of these words, which ask for
        /// nothing.
        case refused(String, unless: [String])
        /// It opens a block of a file, or names another one: it has no place on a command line.
        case structure
    }

    /// The keyword as the manual spells it.
    public let name: String
    /// What becomes of a value.
    public let treatment: Treatment

    /// A keyword that ssh(1) has not: in a file that both read, `IgnoreUnknown` has to name it.
    public var isOwn: Bool { name == "CongestionControl" }

    /// The keyword of that name, whatever its case, or the one that an old name stands for.
    public static func named(_ name: some StringProtocol) -> SSHConfigKeyword? {
        let name = name.lowercased()
        return byName[formerNames[name] ?? name]
    }

    /// `did you mean X?` for the nearest keyword, if one is near.
    public static func hint(for name: String) -> String? {
        NearestWord.hint(name, among: all.map(\.name))
    }

    /// Names that OpenSSH still takes for others.
    static let formerNames = [
        "challengeresponseauthentication": "kbdinteractiveauthentication", "dsaauthentication": "pubkeyauthentication",
        "globalknownhostsfile2": "globalknownhostsfile", "hostbasedkeytypes": "hostbasedacceptedalgorithms",
        "identityfile2": "identityfile", "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
        "skeyauthentication": "kbdinteractiveauthentication", "smartcarddevice": "pkcs11provider",
        "tisauthentication": "kbdinteractiveauthentication", "userknownhostsfile2": "userknownhostsfile",
    ]

    private static let byName = Dictionary(
        all.map { ($0.name.lowercased(), $0) },
        uniquingKeysWith: { first, _ in first }
    )
}
