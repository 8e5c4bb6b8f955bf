@testable import SSHTransport

/// Any bytes as a public key: what is one keeps its bytes, and Base64 of any bytes is read back to them.
func fuzzPublicKey(_ input: Input) -> Int32 {
    var input = input
    let isText = input.byte() & 1 != 0
    let bytes = input.rest()
    if isText {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let decoded = Base64.decode(text) else { return 0 }
        check(Base64.encode(decoded) == text, "one spelling for each value")
    } else {
        check(Base64.decode(Base64.encode(bytes)) == bytes, "Base64 gives the bytes back")
        guard let key = try? SSHPublicKey(blob: bytes) else { return 0 }
        check(key.blob == bytes, "a key keeps its bytes")
        let again = try? SSHPublicKey(type: key.type, base64: Base64.encode(bytes))
        check(again == key && again?.fingerprint == key.fingerprint, "the same key from text")
    }
    return 0
}
