/// One host of a `ProxyJump` list: `[user@]host[:port]`, or an `ssh://` URI.
struct JumpHost: Equatable, CustomStringConvertible {
    var user: String?
    var host: String
    var port: UInt16?

    /// The hosts of a list, in the order in which they are passed.
    ///
    /// - Returns: nil for what is no such list.
    static func list(_ text: String) -> [JumpHost]? {
        let hosts = text.split(separator: ",", omittingEmptySubsequences: false).map { JumpHost(String($0)) }
        return hosts.contains(nil) ? nil : hosts.compactMap { $0 }
    }

    init?(_ text: String) {
        var rest = text.trimmingBlanks
        // As with ssh: what a shell could take for its own is in no name.
        guard !rest.contains(where: { "'`\"$\\;&<>|(){}".contains($0) }) else { return nil }
        if rest.lowercased().hasPrefix("ssh://") {
            rest = rest.dropFirst(6)
            if rest.hasSuffix("/") { rest = rest.dropLast() }
        }
        // A user name may contain an @, a host name may not.
        if let at = rest.lastIndex(of: "@") {
            user = String(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        guard let parts = Self.hostAndPort(rest), user?.isEmpty != true, user?.hasPrefix("-") != true else {
            return nil
        }
        host = parts.host
        port = parts.port
    }

    private static func hostAndPort(_ text: Substring) -> (host: String, port: UInt16?)? {
        var host = text
        var port: Substring?
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") {
            // More than one colon: an IPv6 address without brackets, which has no port.
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        let isPlain = host.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7f }
        guard !host.isEmpty, !host.hasPrefix("-"), isPlain else { return nil }
        guard let port else { return (String(host), nil) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(port), number > 0 else {
            return nil
        }
        return (String(host), number)
    }

    /// The text that is read back to an equal value.
    var description: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return (user.map { $0 + "@" } ?? "") + name + (port.map { ":\($0)" } ?? "")
    }
}

extension StringProtocol {
    fileprivate var trimmingBlanks: Substring {
        let start = Substring(self).drop(while: \.isWhitespace)
        return start.lastIndex { !$0.isWhitespace }.map { start[...$0] } ?? ""
    }
}
