internal import CLibSSH
internal import Glibc
internal import OpenSSHSyntax

/// What the tokens of ssh_config(5) stand for in one connection.
struct SSHClientTokens {
    let tokens: SSHTokens

    /// - Parameters:
    ///   - alias: the host as the command line names it (`%n`).
    ///   - host: its own name (`%h`).
    ///   - user: the user on the server (`%r`); nil for the one that `values` have.
    ///   - values: what is known so far of user, port and alias of the key.
    init(alias: String, host: String, user: String? = nil, values: SSHConfigValues) {
        let port = values["port"]?.text ?? "22"
        let user = user ?? values["user"]?.text ?? LocalUser.name
        let keyAlias = values["hostkeyalias"]?.text.lowercased() ?? alias
        let jump = values["proxyjump"].map(\.text) ?? ""
        tokens = SSHTokens { token in
            switch token {
            case "h": host
            case "p": port
            case "r": user
            case "n": alias
            case "k": keyAlias
            case "d": LocalUser.homeDirectory
            case "u": LocalUser.name
            case "i": "\(getuid())"
            case "l": LocalUser.hostName
            case "L": String(LocalUser.hostName.parts(at: ".", maxSplits: 1)[0])
            case "j": jump.lowercased() == "none" ? "" : jump
            // OpenSSH before 9.6 has left the jump host out, which is the same without one.
            case "C": Self.hash(LocalUser.hostName + host + port + user + (jump.lowercased() == "none" ? "" : jump))
            default: nil
            }
        }
    }

    private static func hash(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        libssh_shim_sha1(bytes, bytes.count, &digest)
        return digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
