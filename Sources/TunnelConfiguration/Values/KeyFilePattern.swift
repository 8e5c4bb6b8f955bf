public import OpenSSHSyntax

/// Where a user's public keys are: a path with sshd's tokens `%u` (user), `%h` (home directory) and `%%` (a percent sign).
///
/// A relative path lies in the home directory, as in sshd.
public struct KeyFilePattern: ConfigurationValue {
    /// The path as it was written.
    public let description: String

    /// How a synopsis calls it.
    public static var placeholder: String { "PATH" }

    /// A pattern of this module's own, known to be well-formed.
    init(verbatim text: String) {
        description = text
    }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        guard !text.isEmpty, !text.unicodeScalars.contains("\0") else { throw ValueProblem("the path is empty") }
        var previousIsPercent = false
        for character in text.unicodeScalars {
            guard previousIsPercent || character == "%" else { continue }
            if previousIsPercent, !"uh%".unicodeScalars.contains(character) {
                throw ValueProblem("%\(character) is not a token", hint: "the tokens are %u, %h and %%")
            }
            previousIsPercent.toggle()
        }
        guard !previousIsPercent else {
            throw ValueProblem("the path ends in a lone %", hint: "write %% for a percent sign")
        }
        description = text
    }

    /// True if the path cannot be known without the user's home directory.
    public var needsHome: Bool {
        !description.begins(with: "/") && !description.begins(with: "%h") || expand(user: "", home: nil) == nil
    }

    /// The file of a user.
    ///
    /// - Parameters:
    ///   - user: the name the client gave. A name is an untrusted text: one that could lead out of the directory, by a
    ///     slash or as `.` or `..`, has no file.
    ///   - home: the user's home directory; nil for a user without account on this host.
    /// - Returns: an absolute path; nil if the user has no such file.
    public func path(user: String, home: String?) -> String? {
        guard Self.isSafe(user), let path = expand(user: user, home: home) else { return nil }
        if path.begins(with: "/") { return path }
        return home.map { "\($0)/\(path)" }
    }

    private func expand(user: String, home: String?) -> String? {
        var result = ""
        var isToken = false
        for character in description.unicodeScalars {
            switch (isToken, character) {
            case (false, "%"): break
            case (false, _), (true, "%"): result.unicodeScalars.append(character)
            case (true, "u"): result += user
            default:
                guard let home else { return nil }
                result += home
            }
            isToken = !isToken && character == "%"
        }
        return result
    }

    /// Ends of the names that editors and packages give to the copies that they leave beside a file: such a copy holds keys
    /// that may have been taken away since, and is nobody's.
    private static let copies = [
        "~", "#", ",v", ".bak", ".old", ".orig", ".save", ".swp", ".swo", ".tmp", ".new",
        ".rpmsave", ".rpmnew", ".rpmorig", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".dpkg-tmp", ".ucf-old", ".ucf-new",
        ".ucf-dist",
    ]

    private static func isSafe(_ user: String) -> Bool {
        !user.isEmpty && !user.begins(with: ".") && !user.begins(with: "#")
            && !copies.contains { user.lowercased().ends(with: $0) }
            && user.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") }
    }
}
