/// A word as it must be written so that the lexer reads it back.
public func quoted(_ word: String) -> String {
    let isPlain =
        !word.isEmpty && !word.begins(with: "#") && !word.begins(with: "=") && !word.hasByte(of: " \t\r\"'\\")
    if isPlain { return word }
    let escaped = word.unicodeScalars.map { "\\\"".unicodeScalars.contains($0) ? "\\\($0)" : String($0) }.joined()
    return "\"\(escaped)\""
}
