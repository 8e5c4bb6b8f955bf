internal import OpenSSHSyntax

/// A file of keys that no host may have: `RevokedHostKeys`.
enum RevokedHostKeys {
    /// True if the file has the key.
    ///
    /// - Throws: `SSHClientError` of kind `configuration` if the file cannot be read, or is a binary list, so that nobody can
    ///   say; every host is refused then, as with `ssh`.
    static func contains(_ key: SSHPublicKey, in file: String) throws(SSHClientError) -> Bool {
        let text: String
        do throws(AuthorizedKeysFileError) {
            text = try AuthorizedKeysFile.read(file, owner: nil)
        } catch {
            throw SSHClientError(.configuration, "RevokedHostKeys: \(error)")
        }
        guard !text.hasPrefix("SSHKRL") else {
            throw SSHClientError(
                .configuration,
                "RevokedHostKeys: \(file) is a binary list, which cannot be read here; write the keys one per line"
            )
        }
        for (index, line) in text.split(whereSeparator: \.isNewline).enumerated() {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard words.count >= 2, let blob = Base64.decode(words[1]) else {
                throw SSHClientError(.configuration, "RevokedHostKeys: \(file): line \(index + 1) is no key")
            }
            if blob == key.blob { return true }
        }
        return false
    }
}
