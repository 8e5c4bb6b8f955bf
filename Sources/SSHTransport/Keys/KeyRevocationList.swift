internal import CLibSSH

/// A list of revoked keys as `ssh-keygen -k` makes it (PROTOCOL.krl of OpenSSH).
///
/// What it says about certificates is left out: plain keys alone are judged here.
struct KeyRevocationList {
    private var keys: Set<[UInt8]> = []
    private var sha1: Set<[UInt8]> = []
    private var sha256: Set<[UInt8]> = []

    private static let magic = Array("SSHKRL\n".utf8) + [0]

    private enum Section {
        static let certificates: UInt8 = 1
        static let keys: UInt8 = 2
        static let sha1: UInt8 = 3
        static let signature: UInt8 = 4
        static let sha256: UInt8 = 5
        static let extensions: UInt8 = 255
    }

    /// True if a file is such a list, and not one of lines.
    static func begins(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

    /// Reads a list; nil if it is damaged, or holds something that might revoke a key and is not known here.
    init?(_ bytes: [UInt8]) {
        guard Self.begins(bytes) else { return nil }
        var reader = WireReader(bytes[Self.magic.count...])
        // Format, then version, date and flags, eight bytes each, a reserved string and a comment.
        guard reader.takeUInt32() == 1, reader.take(24) != nil, reader.takeString() != nil, reader.takeString() != nil
        else { return nil }
        while let type = reader.take(1)?.first {
            guard let section = reader.takeString() else { return nil }
            switch type {
            case Section.certificates, Section.signature: break
            case Section.keys: guard Self.add(section, to: &keys) else { return nil }
            case Section.sha1: guard Self.add(section, to: &sha1, size: 20) else { return nil }
            case Section.sha256: guard Self.add(section, to: &sha256, size: 32) else { return nil }
            case Section.extensions:
                var parts = WireReader(section)
                guard parts.takeString() != nil, parts.take(1)?.first == 0 else { return nil }
            default: return nil
            }
        }
        guard reader.isAtEnd else { return nil }
    }

    private static func add(_ section: ArraySlice<UInt8>, to set: inout Set<[UInt8]>, size: Int? = nil) -> Bool {
        var reader = WireReader(section)
        while let item = reader.takeString() {
            guard size == nil || item.count == size else { return false }
            set.insert(Array(item))
        }
        return reader.isAtEnd
    }

    /// True if the key, in SSH's wire format, is revoked.
    func contains(_ blob: [UInt8]) -> Bool {
        if keys.contains(blob) { return true }
        var digest = [UInt8](repeating: 0, count: 32)
        if !sha256.isEmpty {
            // A key that cannot be checked against the list is refused.
            guard libssh_shim_sha256(blob, blob.count, &digest) == 0 else { return true }
            if sha256.contains(digest) { return true }
        }
        guard !sha1.isEmpty else { return false }
        guard libssh_shim_sha1(blob, blob.count, &digest) == 0 else { return true }
        return sha1.contains(Array(digest.prefix(20)))
    }
}
