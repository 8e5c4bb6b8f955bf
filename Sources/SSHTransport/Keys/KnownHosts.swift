internal import Glibc
internal import OpenSSHSyntax

/// The host keys that a user and the system know: `known_hosts` files.
///
/// The library's own check knows one file per user, skips `@revoked` lines and does not say where an entry stands.
struct KnownHosts {
    /// What a line is for.
    enum Marker {
        case plain
        /// The key must not be accepted.
        case revoked
        /// The key was to be revoked, by a line that `ssh` overlooks.
        case overlooked
        /// The key signs the host's certificates, which are not used here.
        case authority
    }

    /// A key that some file has for the host.
    struct Entry: Equatable {
        var publicKey: SSHPublicKey
        var file: String
        var line: Int
        var marker = Marker.plain

        var location: String { line > 0 ? "\(file):\(line)" : file }
    }

    /// What the files say about the key that a server offers.
    enum Verdict: Equatable {
        case known
        /// No file has any key for the host; perhaps one has an authority for it.
        case unknown(authority: Entry?)
        /// The files have other keys: of the same type, or, if there is none, of another.
        case changed(Entry)
        case revoked(Entry)
    }

    /// What the files have for the host, in their order.
    private(set) var entries: [Entry] = []
    /// What they have for the host's name without its port: enough to be known, and not to be changed. As `ssh` does.
    private var entriesWithoutPort: [Entry] = []
    private let name: String
    private let nameWithoutPort: String?

    /// Reads the files; one that is missing or unreadable has no entries.
    ///
    /// - Parameters:
    ///   - name: as `known_hosts` writes it: see `KnownHostsName`.
    ///   - nameWithoutPort: the host's name alone, if that is another and may vouch for it.
    ///   - files: in order of preference.
    init(name: String, nameWithoutPort: String? = nil, files: [String]) {
        self.name = name.lowercased()
        self.nameWithoutPort = nameWithoutPort?.lowercased()
        for file in files {
            guard let text = try? AuthorizedKeysFile.read(file, owner: nil) else { continue }
            add(text, from: file)
        }
    }

    /// Adds the lines of a text.
    mutating func add(_ text: String, from file: String) {
        for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            guard let (hosts, marker, key) = Self.fields(of: Substring(line)) else { continue }
            let isMine = KnownHostsName.matches(hosts, name)
            guard isMine || (nameWithoutPort.map { KnownHostsName.matches(hosts, $0) } ?? false) else { continue }
            let words = key.utf8.split(whereSeparator: Self.isBlank).map { Substring($0) }
            guard words.count >= 2, let key = try? SSHPublicKey(type: String(words[0]), base64: String(words[1])) else {
                continue
            }
            let entry = Entry(publicKey: key, file: file, line: index + 1, marker: marker)
            if isMine { entries.append(entry) } else { entriesWithoutPort.append(entry) }
        }
    }

    /// Judges the key that the server has proved to own.
    func verdict(on offered: SSHPublicKey) -> Verdict {
        let all = entries + entriesWithoutPort
        if let revoked = all.first(where: { $0.marker == .revoked && $0.publicKey == offered }) {
            return .revoked(revoked)
        }
        if all.contains(where: { $0.marker == .plain && $0.publicKey == offered }) { return .known }
        let others = entries.filter { $0.marker == .plain }
        guard let other = others.first(where: { $0.publicKey.type == offered.type }) ?? others.first else {
            return .unknown(authority: all.first { $0.marker == .authority })
        }
        return .changed(other)
    }

    /// The line that makes the key known; nil if none does.
    func line(of offered: SSHPublicKey) -> Entry? {
        (entries + entriesWithoutPort).first { $0.marker == .plain && $0.publicKey == offered }
    }

    /// A line that was to revoke the key and does not count.
    func overlooked(_ offered: SSHPublicKey) -> Entry? {
        (entries + entriesWithoutPort).first { $0.marker == .overlooked && $0.publicKey == offered }
    }

    /// The types of the keys that the host may show.
    var knownTypes: Set<String> {
        Set((entries + entriesWithoutPort).filter { $0.marker == .plain }.map(\.publicKey.type))
    }

    // MARK: Reading

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    /// Names, marker and the rest of a line; nil for a comment, a blank line, and one that is neither.
    private static func fields(of line: Substring) -> (hosts: String, marker: Marker, key: Substring)? {
        var rest = line.utf8.drop(while: isBlank)
        guard let first = rest.first, first != UInt8(ascii: "#") else { return nil }
        func takeWord() -> String {
            let word = rest.prefix(while: { !isBlank($0) })
            rest = rest.dropFirst(word.count).drop(while: isBlank)
            return String(Substring(word))
        }
        var marker = Marker.plain
        if first == UInt8(ascii: "@") {
            // To `ssh` a marker ends at the line's first blank, wherever that is, and at a tab only in a line without one.
            let isWhole =
                rest.firstIndex(of: UInt8(ascii: " ")).map { !rest[..<$0].contains(UInt8(ascii: "\t")) } ?? true
            switch takeWord() {
            case "@revoked": marker = isWhole ? .revoked : .overlooked
            case "@cert-authority": marker = .authority
            default: return nil
            }
        }
        let hosts = takeWord()
        return hosts.isEmpty || rest.isEmpty ? nil : (hosts, marker, Substring(rest))
    }
}
