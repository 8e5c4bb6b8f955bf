internal import OpenSSHSyntax

/// One line of an `authorized_keys` file, on its way to become an `AuthorizedKey`.
struct AuthorizedKeysLine {
    /// Why a line is refused, and the key that is refused with it, where one could be read.
    struct Refusal: Error {
        var blob: [UInt8]?
        var reason: String
    }

    private let text: Substring

    /// Nil for a blank line and for a comment.
    init?(_ line: Substring) {
        var line = line.utf8.drop(while: Self.isBlank)
        while let last = line.last, Self.isBlank(last) { line = line.dropLast() }
        guard let first = line.first, first != UInt8(ascii: "#") else { return nil }
        text = Substring(line)
    }

    /// Reads `[options] type base64 [comment]`.
    func parse(number: Int) -> Result<AuthorizedKey, Refusal> {
        var rest = text
        var optionText: Substring = ""
        if !Self.isKeyType(Self.firstWord(of: rest)) {
            optionText = Self.takeOptions(from: &rest)
        }
        let type = String(Self.takeWord(from: &rest))
        let base64 = Self.takeWord(from: &rest)
        let comment = String(rest)
        do throws(SSHPublicKeyError) {
            let key = try Self.publicKey(type: type, base64: base64, after: optionText)
            return Self.applyOptions(optionText, to: key) { restrictions in
                AuthorizedKey(publicKey: key, comment: comment, line: number, restrictions: restrictions)
            }
        } catch {
            return .failure(Refusal(blob: Base64.decode(base64), reason: error.description))
        }
    }

    private static func applyOptions(
        _ text: Substring,
        to key: SSHPublicKey,
        _ make: (TunnelRestrictions) -> AuthorizedKey
    ) -> Result<AuthorizedKey, Refusal> {
        do throws(AuthorizedKeysOptions.Problem) {
            return .success(make(try AuthorizedKeysOptions.restrictions(parsing: text)))
        } catch {
            return .failure(Refusal(blob: key.blob, reason: error.reason))
        }
    }

    private static func publicKey(
        type: String,
        base64: Substring,
        after options: Substring
    ) throws(SSHPublicKeyError) -> SSHPublicKey {
        guard isKeyType(Substring(type)) else {
            // `ssh-foo AAAA…` was taken for options and a key type: name the type, which is what is wrong.
            if type.begins(with: "AAAA"), !options.hasByte(of: "=,\"") {
                throw .unknownType(String(options))
            }
            if type.isEmpty { throw .malformed("there is none on the line") }
            throw .unknownType(type)
        }
        guard !type.contains("-cert-v01@") else { throw .malformed("this is a certificate; \(Certificates.advice)") }
        guard !base64.isEmpty else { throw .malformed("its base64 is missing") }
        return try SSHPublicKey(type: type, base64: String(base64))
    }

    /// Key types of OpenSSH, certificates among them so that these are refused by name.
    private static func isKeyType(_ word: Substring) -> Bool {
        let plain = [
            "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
            "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
        ]
        return plain.contains(where: { $0 == word }) || word.ends(with: "-cert-v01@openssh.com")
    }

    // MARK: Words

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private static func firstWord(of text: Substring) -> Substring {
        Substring(text.utf8.prefix(while: { !isBlank($0) }))
    }

    private static func takeWord(from text: inout Substring) -> Substring {
        let word = firstWord(of: text)
        text = Substring(text.utf8.dropFirst(word.utf8.count).drop(while: isBlank))
        return word
    }

    /// Options end at the first blank outside double quotes; `\"` inside them is no end.
    private static func takeOptions(from text: inout Substring) -> Substring {
        var isQuoted = false
        var previous: UInt8 = 0
        let options = text.utf8.prefix { byte in
            if byte == UInt8(ascii: "\""), previous != UInt8(ascii: "\\") { isQuoted.toggle() }
            previous = byte
            return isQuoted || !isBlank(byte)
        }
        text = Substring(text.utf8.dropFirst(options.count).drop(while: isBlank))
        return Substring(options)
    }
}
