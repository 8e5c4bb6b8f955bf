/// A word as it must be written so that the lexer reads it back.
public func quoted(_ word: String) -> String {
    let isPlain =
        !word.isEmpty && !word.hasPrefix("#") && !word.hasPrefix("=") && !word.contains { " \t\"'\\".contains($0) }
    if isPlain { return word }
    let escaped = word.map { "\\\"".contains($0) ? "\\\($0)" : String($0) }.joined()
    return "\"\(escaped)\""
}
