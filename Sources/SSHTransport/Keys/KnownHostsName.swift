internal import CLibSSH
internal import Glibc
internal import OpenSSHSyntax

/// The names of a host in a `known_hosts` file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
enum KnownHostsName {
    /// The name of a host: lower case, and with its port in brackets unless that is 22.
    static func name(host: String, port: UInt16) -> String {
        let host = host.lowercased()
        return port == 22 ? host : "[\(host)]:\(port)"
    }

    /// True if the first word of a line names the host: a hashed name, or patterns with commas, none of them negated for it.
    static func matches(_ field: String, _ name: String) -> Bool {
        guard field.begins(with: "|") else {
            return PatternList(commaSeparated: field.lowercased()).verdict(on: name) == .matches
        }
        let parts = field.parts(at: "|")
        guard parts.count == 4, parts[1] == "1", let salt = Base64.decode(parts[2]), let hash = Base64.decode(parts[3])
        else { return false }
        return digest(of: name, salt: salt) == hash
    }

    /// The name with a random salt, for `HashKnownHosts yes`; nil if the library cannot hash.
    static func hashed(_ name: String) -> String? {
        let salt = (0..<20).map { _ in UInt8.random(in: .min ... .max) }
        return digest(of: name, salt: salt).map { "|1|\(Base64.encode(salt))|\(Base64.encode($0))" }
    }

    private static func digest(of name: String, salt: [UInt8]) -> [UInt8]? {
        let bytes = Array(name.utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        return libssh_shim_hmac_sha1(salt, salt.count, bytes, bytes.count, &digest) == 0 ? digest : nil
    }
}
