internal import OpenSSHSyntax

/// One setting: a keyword with its arguments.
struct Directive: Hashable, Sendable {
    /// The file that the line is in.
    var file: String
    /// The line, from 1; 0 for the command line.
    var line: Int
    /// The first word.
    var keyword: Word
    /// The other words.
    var arguments: [Word]
}
