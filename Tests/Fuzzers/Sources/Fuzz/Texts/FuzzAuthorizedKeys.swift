@testable import SSHTransport

/// Any text as an `authorized_keys` file: each line counts for itself, and a key gets in by a line that has it alone.
func fuzzAuthorizedKeys(_ input: Input) -> Int32 {
    var input = input
    let text = KeyText.expand(input.text())
    let file = AuthorizedKeys(parsing: text, file: "file")
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let alone = lines.map { AuthorizedKeys(parsing: String(Substring($0)), file: "file") }
    let permitted = alone.flatMap { $0.keys.map(\.restrictions) }
    check(file.keys.map(\.restrictions) == permitted, "a line permits the same, whatever stands around it")
    check(file.keys.map(\.publicKey) == alone.flatMap { $0.keys.map(\.publicKey) }, "and lets in the same key")
    let numbers = alone.indices.filter { !alone[$0].keys.isEmpty }.map { $0 + 1 }
    check(file.keys.map(\.line) == numbers, "which is known by the line's number")
    check(
        file.problems.map(\.reason) == alone.flatMap { $0.problems.map(\.reason) },
        "or refuses it for the same reason"
    )
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
