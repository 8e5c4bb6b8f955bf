import IPPacket
import OpenSSHSyntax

@testable import SSHTransport

/// Any text as ssh_config files that include each other: read without an end that depends on chance, and to the same values.
func fuzzSSHConfig(_ input: Input) -> Int32 {
    var input = input
    let isSecondReading = input.byte() & 1 != 0
    let source = MemoryConfigFiles(input.text())
    func read(_ values: SSHConfigValues) -> SSHConfigReader? {
        let target = SSHConfigReader.Target(alias: "vpn", finalHost: isSecondReading ? "vpn.example" : nil)
        var reader = SSHConfigReader(target: target, values: values, source: source)
        do throws(SSHClientError) {
            try reader.read("/0", .init(base: "/", isPrivate: false, isRequired: true))
        } catch {
            check(error.reason.hasPrefix("/"), "a problem names its file: \(error.reason)")
            return nil
        }
        return reader
    }
    guard let first = read(SSHConfigValues()) else { return 0 }
    guard let again = read(SSHConfigValues()) else {
        check(false, "the same files are read again")
        return 0
    }
    check(text(again.values) == text(first.values), "the same values")
    check(again.wantsFinalPass == first.wantsFinalPass, "and the same wish for a second reading")
    guard !source.hasMatch, let twice = read(first.values) else { return 0 }
    check(text(twice.values) == text(first.values), "the first value counts")
    return 0
}

private func text(_ values: SSHConfigValues) -> [String] {
    SSHConfigKeyword.all.map { "\($0.name) \(values[$0.name.lowercased()]?.words ?? [])" }
        + (values.identityFiles + values.certificateFiles).map { "\($0.words)" }
}

/// Files in memory: `/0` and so on are what a zero byte or a form feed line separates in one text.
private struct MemoryConfigFiles: SSHConfigSource {
    let files: [String]
    let hasMatch: Bool

    init(_ text: String) {
        files = text.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
        hasMatch = text.lowercased().contains("match")
    }

    func contents(of file: String, isPrivate: Bool) throws(AuthorizedKeysFileError) -> String {
        guard let number = Int(file.dropFirst()), files.indices.contains(number) else {
            throw AuthorizedKeysFileError(file, reason: "missing")
        }
        return files[number]
    }

    func paths(matching pattern: String) -> [String] {
        files.indices.map { "/\($0)" }.filter { Wildcard.matches(pattern, $0) }
    }

    func home(_ user: String) -> String? { user.isEmpty || user == "alice" ? "/" : nil }
    func succeeds(_ command: String) -> Bool { command.utf8.count % 2 == 0 }
    func addresses() -> [IPAddress] { [IPAddress(ipv4: 0xc000_0201), IPAddress(bits: 0x2001_0db8 << 96 | 1)] }
}
