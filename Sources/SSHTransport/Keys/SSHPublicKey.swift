internal import CLibSSH

/// A public key as SSH carries it: a type, and a blob in the format of RFC 4253 §6.6.
///
/// Two keys are the same key exactly if their blobs are. A plain value, free to use on any thread.
public struct SSHPublicKey: Sendable, Hashable, CustomStringConvertible {
    /// The key type's name, for example `ssh-ed25519`.
    public let type: String
    /// The key in SSH's wire format; it opens with its own type.
    public let blob: [UInt8]
    /// SHA-256 of the blob the way OpenSSH prints it: `SHA256:` and unpadded base64.
    public let fingerprint: String

    /// Takes a blob that a peer, or a file, has given.
    ///
    /// - Throws: `SSHPublicKeyError` if it is not a whole key of a type that can be verified here.
    public init(blob: [UInt8]) throws(SSHPublicKeyError) {
        guard let type = Self.leadingString(of: blob) else { throw .malformed("it does not open with a key type") }
        try self.init(type: type, base64: Base64.encode(blob))
    }

    /// Takes the two words that a line of `authorized_keys`, `known_hosts` or a `.pub` file has.
    ///
    /// - Throws: `SSHPublicKeyError` if the base64 is no key, or a key of another type than `type` says.
    public init(type: String, base64: String) throws(SSHPublicKeyError) {
        guard let blob = Base64.decode(base64) else { throw .malformed("its base64 is damaged") }
        guard let inner = Self.leadingString(of: blob) else { throw .malformed("it does not open with a key type") }
        guard inner == type else { throw .malformed("the line says \(type), the key itself \(inner)") }
        let known = ssh_key_type_from_name(type)
        guard known != SSH_KEYTYPE_UNKNOWN else { throw .unknownType(type) }
        var key: ssh_key?
        guard ssh_pki_import_pubkey_base64(base64, known, &key) == SSH_OK, let key else {
            throw .malformed("it is no valid \(type) key")
        }
        defer { ssh_key_free(key) }
        guard let fingerprint = Self.fingerprint(of: key) else { throw .malformed("it cannot be hashed") }
        self.type = type
        self.blob = blob
        self.fingerprint = fingerprint
    }

    /// The public half of a key that libssh holds, which stays the caller's; nil if libssh cannot write it out.
    init?(_ key: ssh_key) {
        var text: UnsafeMutablePointer<CChar>?
        guard ssh_pki_export_pubkey_base64(key, &text) == SSH_OK, let text else { return nil }
        defer { ssh_string_free_char(text) }
        guard let blob = Base64.decode(String(cString: text)), let type = Self.leadingString(of: blob),
            let fingerprint = Self.fingerprint(of: key)
        else { return nil }
        self.type = type
        self.blob = blob
        self.fingerprint = fingerprint
    }

    /// The key's type and fingerprint.
    public var description: String { "\(type) \(fingerprint)" }

    /// Equal if the blobs are.
    public static func == (left: SSHPublicKey, right: SSHPublicKey) -> Bool { left.blob == right.blob }

    /// Hashes the blob.
    public func hash(into hasher: inout Hasher) { hasher.combine(blob) }

    /// The SSH string (32-bit length, bytes) at the front of `blob`, if it is one that can name a type.
    static func leadingString(of blob: [UInt8]) -> String? {
        guard blob.count >= 4 else { return nil }
        let length = blob.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        guard (1...64).contains(length), blob.count >= 4 + length else { return nil }
        let name = blob[4..<(4 + length)]
        guard name.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    private static func fingerprint(of key: ssh_key) -> String? {
        var hash: UnsafeMutablePointer<UInt8>?
        var length = 0
        guard ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) == 0 else { return nil }
        defer { ssh_clean_pubkey_hash(&hash) }
        return "SHA256:" + Base64.encode(UnsafeBufferPointer(start: hash, count: length), isPadded: false)
    }
}

/// Why some bytes are no usable public key.
public enum SSHPublicKeyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The bytes are damaged; the text says how.
    case malformed(String)
    /// A key type that the SSH library cannot verify.
    case unknownType(String)

    /// A clause for an error line.
    public var description: String {
        switch self {
        case .malformed(let reason): "the key is damaged: \(reason)"
        case .unknownType(let type): "unknown key type \(type)"
        }
    }
}
