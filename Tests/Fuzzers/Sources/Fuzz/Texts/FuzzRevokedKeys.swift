@testable import SSHTransport

/// Any bytes as a file of revoked keys: one that has the key never says that it has not.
func fuzzRevokedKeys(_ input: Input) -> Int32 {
    var input = input
    let isList = input.byte() & 1 != 0
    let bytes = input.rest()
    let host = KeyText.host
    let isRevoked = { (bytes: [UInt8]) in
        withExactMemory(bytes) { (try? RevokedHostKeys.contains(host, among: Array($0), of: "file")) ?? true }
    }
    if isList {
        // Magic, format 1, version, date and flags, then two empty strings.
        let head = Array("SSHKRL\n".utf8) + [0, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 24 + 8)
        let section = string(string(host.blob))
        check(isRevoked(head + [2] + section + bytes), "what follows the key does not hide it")
        check(isRevoked(head + bytes + [2] + section) || !isWhole(bytes), "what stands before does not either")
    } else {
        let line = Array("\nssh-ed25519 \(KeyText.hostBase64)\n".utf8)
        guard !KeyRevocationList.begins(bytes) else { return isRevoked(bytes) ? 0 : 0 }
        check(isRevoked(bytes + line), "what stands before the key does not hide it")
        check(isRevoked(line + bytes), "what follows does not either")
    }
    return 0
}

private func string(_ bytes: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
}

/// True if the bytes are whole sections, so that another one may follow.
private func isWhole(_ bytes: [UInt8]) -> Bool {
    var reader = WireReader(bytes[...])
    while reader.take(1) != nil { guard reader.takeString() != nil else { return false } }
    return true
}
