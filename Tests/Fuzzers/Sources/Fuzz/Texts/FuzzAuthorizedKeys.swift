@testable import SSHTransport

/// Any text as an `authorized_keys` file: each line counts for itself, and a key gets in by a line that has it alone.
func fuzzAuthorizedKeys(_ input: Input) -> Int32 {
    var input = input
    let text = KeyText.expand(input.text())
    let file = AuthorizedKeys(parsing: text, file: "file")
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let alone = lines.enumerated().map { number, line -> AuthorizedKeys in
        let before = String(repeating: "\n", count: number)
        return AuthorizedKeys(parsing: before + String(Substring(line)), file: "file")
    }
    check(file.keys == alone.flatMap(\.keys), "a line lets in the same key, whatever stands around it")
    check(file.problems == alone.flatMap(\.problems), "and is refused for the same reason")
    for key in file.keys {
        check(lines[key.line - 1].count > key.publicKey.type.utf8.count, "the key's line has the key")
        if case .success(let line) = file.match(key.publicKey, remoteAddress: "192.0.2.1", now: 0) {
            check(line.restrictions.permitsSource("192.0.2.1"), "the line permits the address")
            check(line.restrictions.expiry.map { $0 >= 0 } ?? true, "the line has not expired")
        }
    }
    if case .success = file.match(KeyText.stranger, remoteAddress: "192.0.2.1", now: 0) {
        check(text.contains(KeyText.strangersBase64), "a key that no line has stays out")
    }
    return 0
}
