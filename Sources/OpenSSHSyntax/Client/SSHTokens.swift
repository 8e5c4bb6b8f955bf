/// What the percent signs, tildes and `${…}` of a value stand for (ssh_config(5), TOKENS and ENVIRONMENT VARIABLES).
///
/// Does no I/O: who uses it says what each token, variable and user is.
public struct SSHTokens: Sendable {
    /// The tokens that most paths and commands take.
    public static let common: Set<Character> = ["%", "C", "d", "h", "i", "j", "k", "L", "l", "n", "p", "r", "u"]
    /// The tokens of `ProxyCommand` and `ProxyJump`.
    public static let proxy: Set<Character> = ["%", "h", "n", "p", "r"]

    /// The tokens of `User`: those that do not depend on it.
    public static let user = common.subtracting(["C", "r"])

    private let value: @Sendable (Character) -> String?

    /// - Parameter value: what a token stands for; nil for one that is not known now.
    public init(_ value: @escaping @Sendable (Character) -> String?) {
        self.value = value
    }

    /// Replaces the tokens of a text, and `${NAME}` if `environment` is given.
    ///
    /// - Parameters:
    ///   - allowed: the tokens that have a meaning in this place.
    ///   - environment: the value of a variable; nil: `${` means itself.
    /// - Throws: the token or variable that there is not.
    public func expand(
        _ text: String,
        _ allowed: Set<Character>,
        environment: ((String) -> String?)? = nil
    ) throws(ValueProblem) -> String {
        var result = ""
        var rest = text.unicodeScalars[...]
        while let character = rest.popFirst() {
            if character == "$", let environment, rest.first == "{" {
                guard let end = rest.firstIndex(of: "}") else { throw ValueProblem("\"${\" is not closed") }
                let name = String(rest[rest.index(after: rest.startIndex)..<end])
                guard let value = environment(name) else {
                    throw ValueProblem("the environment variable \(name) is not set")
                }
                result += value
                rest = rest[rest.index(after: end)...]
            } else if character == "%" {
                guard let token = rest.popFirst() else { throw ValueProblem("a lone % at the end", hint: "write %%") }
                guard allowed.contains(Character(token)), let value = token == "%" ? "%" : value(Character(token))
                else {
                    throw ValueProblem("%\(token) is not a token here", hint: "write %% for a percent sign")
                }
                result += value
            } else {
                result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// Replaces `~/` and `~user/` at the front of a path.
    ///
    /// - Parameter home: the home directory of a user; of the one who runs the program for an empty name.
    /// - Throws: the user that there is not.
    public static func expandTilde(_ path: String, home: (String) -> String?) throws(ValueProblem) -> String {
        guard let rest = path.rest(after: "~") else { return path }
        let user = rest.parts(at: "/", maxSplits: 1)[0]
        guard let home = home(String(user)) else { throw ValueProblem("there is no user \(user)") }
        return home + Substring(rest.utf8.dropFirst(user.utf8.count))
    }
}
