internal import ArgumentParser
internal import Glibc
internal import SSHTransport
internal import TunnelConfiguration

/// `packet-tunnel keygen`
struct KeygenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Make a key to log in with, or show the one that is there.",
        usage: "packet-tunnel keygen [-f <file>] [-C <comment>]",
        discussion: """
            Prints the line that the server's administrator adds to the file
            /etc/packet-tunnel/authorized_keys/USER. A key that is there already
            is shown, and never overwritten. ssh-keygen makes the same keys.
            """
    )

    @Option(
        name: .customShort("f", allowingJoined: true),
        help: ArgumentHelp("The private key's file. (default: ~/.ssh/id_ed25519)", valueName: "file")
    )
    var file: String?

    @Option(
        name: .customShort("C", allowingJoined: true),
        help: ArgumentHelp("What the key calls itself. (default: user@host)", valueName: "comment")
    )
    var comment: String?

    func run() async throws {
        let file = file ?? SSHKeyFile.standardPath
        let comment = comment ?? Self.defaultComment
        do throws(SSHClientError) {
            let key: SSHPublicKey
            if access(file, F_OK) == 0 {
                guard let old = SSHKeyFile.publicKey(file) else {
                    throw SSHClientError(
                        .configuration,
                        "\(file): is there already, and is no private key that can be read"
                    )
                }
                StandardError.printLine("The key in \(file) is there already. Its fingerprint is \(old.fingerprint).")
                key = old
            } else {
                key = try SSHKeyFile.create(file, comment: comment, passphrase: Terminal.newPassphrase())
                StandardError.printLine("Made a key in \(file). Its fingerprint is \(key.fingerprint).")
            }
            StandardError.printLine(
                "The server lets it in by this line in /etc/packet-tunnel/authorized_keys/USER, which its administrator adds:"
            )
            print(SSHKeyFile.line(key, comment: comment))
        } catch {
            StandardError.printLine("packet-tunnel: \(error)")
            throw ExitStatus(for: error).exitCode
        }
    }

    private static var defaultComment: String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "user")@\(host)"
    }
}
