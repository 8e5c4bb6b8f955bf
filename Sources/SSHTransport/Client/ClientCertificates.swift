internal import CLibSSH
internal import Glibc
internal import OpenSSHSyntax

/// The certificates that go with a user's key (PROTOCOL.certkeys of OpenSSH): those of `CertificateFile`, and the one that
/// lies beside the key's file as `FILE-cert.pub`. They are the server's to judge.
///
/// For the connecting thread.
struct ClientCertificates {
    private let files: [String]

    /// No certificates.
    static let none = ClientCertificates(files: [])

    private init(files: [String]) { self.files = files }

    /// - Parameters:
    ///   - named: the files of `CertificateFile`. With any, the one beside the key does not count, as with `ssh`.
    ///   - path: the key's file.
    init(named: [String], besides path: String) {
        files =
            named.isEmpty ? ["\(path.rest(before: ".pub") ?? path[...])-cert.pub"] : named
    }

    /// The certificates of a key, which stays the caller's; each is the caller's to free.
    func matching(_ key: ssh_key) -> [(path: String, key: ssh_key)] {
        guard let publicKey = SSHPublicKey(key) else { return [] }
        var found: [(path: String, key: ssh_key)] = []
        for file in files where access(file, R_OK) == 0 {
            var certificate: ssh_key?
            guard ssh_pki_import_cert_file(file, &certificate) == SSH_OK, let certificate else { continue }
            if let certified = SSHPublicKey(certificate), Self.isCertificate(certified.blob, of: publicKey.blob) {
                found.append((file, certificate))
            } else {
                ssh_key_free(certificate)
            }
        }
        return found
    }

    /// True if a certificate is one of a key. Its blob has the key's fields behind its own type and a nonce; libssh 0.10 does
    /// not compare them.
    private static func isCertificate(_ certificate: [UInt8], of key: [UInt8]) -> Bool {
        var theirs = WireReader(certificate[...])
        var ours = WireReader(key[...])
        guard theirs.takeString() != nil, theirs.takeString() != nil, ours.takeString() != nil else { return false }
        return !ours.rest.isEmpty && theirs.rest.starts(with: ours.rest)
    }

    /// The certificates of a private key, each as a key that signs with it; each is the caller's to free.
    func certified(_ key: ssh_key) -> [(path: String, key: ssh_key)] {
        matching(key).compactMap { path, certificate in
            defer { ssh_key_free(certificate) }
            guard let copy = ssh_key_dup(key) else { return nil }
            guard ssh_pki_copy_cert_to_privkey(certificate, copy) == SSH_OK else {
                ssh_key_free(copy)
                return nil
            }
            return (path, copy)
        }
    }

    /// The certificates of a public key, in SSH's wire format.
    func blobs(_ key: SSHPublicKey) -> [[UInt8]] {
        var imported: ssh_key?
        guard
            ssh_pki_import_pubkey_base64(Base64.encode(key.blob), ssh_key_type_from_name(key.type), &imported)
                == SSH_OK,
            let imported
        else { return [] }
        defer { ssh_key_free(imported) }
        return matching(imported).compactMap { _, certificate in
            defer { ssh_key_free(certificate) }
            return SSHPublicKey(certificate)?.blob
        }
    }
}
