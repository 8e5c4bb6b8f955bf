internal import OpenSSHSyntax

/// A file of keys that no host may have: `RevokedHostKeys`.
enum RevokedHostKeys {
    /// True if the file has the key.
    ///
    /// The keys stand one per line, or in a list that `ssh-keygen -k` has made.
    ///
    /// - Throws: `SSHClientError` of kind `configuration` if the file cannot be read, so that nobody can say; every host is
    ///   refused then, as with `ssh`.
    static func contains(_ key: SSHPublicKey, in file: String) throws(SSHClientError) -> Bool {
        let bytes: [UInt8]
        do throws(AuthorizedKeysFileError) {
            bytes = try AuthorizedKeysFile.readBytes(file, owner: nil)
        } catch {
            throw SSHClientError(.configuration, "RevokedHostKeys: \(error)")
        }
        return try contains(key, among: bytes, of: file)
    }

    /// The same for the bytes of a file.
    static func contains(
        _ key: SSHPublicKey,
        among bytes: [UInt8],
        of file: String
    ) throws(SSHClientError) -> Bool {
        if KeyRevocationList.begins(bytes) {
            guard let list = KeyRevocationList(bytes) else {
                throw SSHClientError(.configuration, "RevokedHostKeys: \(file): the list is damaged")
            }
            return list.contains(key.blob)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        for (index, line) in text.parts(at: "\n").enumerated() {
            let words = line.parts(at: " ", "\t", "\r", omittingEmpty: true)
            guard let first = words.first, !first.begins(with: "#") else { continue }
            guard words.count >= 2, let blob = Base64.decode(words[1]) else {
                throw SSHClientError(.configuration, "RevokedHostKeys: \(file): line \(index + 1) is no key")
            }
            if blob == key.blob { return true }
        }
        return false
    }
}
