internal import Glibc

/// The command `resolvconf`: openresolv, or Debian's package of that name. Both take a record for an interface on their
/// standard input and write `/etc/resolv.conf` anew out of all records.
struct ResolvconfCommand {
    let runner: CommandRunner

    /// The name of our record. Both put what begins with `tun` before other interfaces.
    static func record(for interface: String) -> String { "tun.\(interface)" }

    /// True if the command is there and is not systemd-resolved's, which has the same name.
    static var isThere: Bool {
        guard let path = CommandRunner.locate("resolvconf"), let real = realpath(path, nil) else { return false }
        defer { free(real) }
        return !String(cString: real).hasSuffix("/resolvectl")
    }

    /// True if it is what writes this file: installed is not enough.
    static func manages(_ snapshot: ResolverFile.Snapshot) -> Bool {
        if case .link(let target) = snapshot.form, target.contains("resolvconf/") { return true }
        return snapshot.text.split(separator: "\n").contains { $0.contains("enerated by resolvconf") }
    }

    /// Adds our record, as the only one where the command knows such a thing (openresolv's `-x`).
    func add(_ settings: ResolverSettings, record: String) async throws(NetworkSetupError) {
        let text = ResolverText.record(settings).map { $0 + "\n" }.joined()
        try await runner.run(["resolvconf", "-a", record, "-m", "0", "-x"], input: text, within: .seconds(30))
    }

    /// Removes it, whether it is there or not.
    func remove(record: String) async throws(NetworkSetupError) {
        guard Self.isThere else { return }
        do {
            try await runner.run(["resolvconf", "-d", record], within: .seconds(30))
        } catch {
            // "for interface", and from openresolv 3.17 on "for key".
            guard error.advice.contains("No resolv.conf for ") else { throw error }
        }
    }
}
