internal import Glibc

/// Paths as `ssh_config` and command lines write them.
enum SSHClientPath {
    /// The home directory of the user that runs the program: `HOME` may be another's, as after `sudo`; ssh ignores it.
    static let home: String = withUserRecord { String(cString: $0.pw_dir) } ?? "/"
    /// The login name of the user that runs the program.
    static let userName: String = withUserRecord { String(cString: $0.pw_name) } ?? ""

    private static func withUserRecord<T>(_ body: (passwd) -> T) -> T? {
        var record = passwd()
        var result: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        guard getpwuid_r(getuid(), &record, &buffer, buffer.count, &result) == 0, let result else { return nil }
        return body(result.pointee)
    }

    /// Replaces a leading `~/`, and the tokens `%d` (home), `%u` (local user), `%h` (host), `%r` (remote user), `%p`
    /// (port), `%n` (host as it was given), `%%`. Tokens whose value is not given stay.
    static func expand(
        _ path: String,
        host: String? = nil,
        user: String? = nil,
        port: UInt16? = nil,
        original: String? = nil
    ) -> String {
        var result = path.hasPrefix("~/") ? home : ""
        var rest = path.hasPrefix("~/") ? path.dropFirst() : path[...]
        while let character = rest.popFirst() {
            guard character == "%", let token = rest.first else {
                result.append(character)
                continue
            }
            let values: [Character: String?] = [
                "%": "%", "d": home, "u": userName, "h": host, "r": user, "p": port.map { String($0) },
                "n": original,
            ]
            if let value = values[token] ?? nil {
                result += value
                rest.removeFirst()
            } else {
                result.append(character)
            }
        }
        return result
    }

    /// The files that a shell pattern names, in alphabetical order.
    static func glob(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard Glibc.glob(pattern, 0, nil, &found) == 0, let paths = found.gl_pathv else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
    }
}
