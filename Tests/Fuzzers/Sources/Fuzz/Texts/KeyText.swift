@testable import SSHTransport

/// Public keys in text: one byte of an input stands for a whole key, which chance would never find.
enum KeyText {
    static let hostBase64 = "AAAAC3NzaC1lZDI1NTE5AAAAI" + String(repeating: "A", count: 38) + "AAAAB"
    static let strangersBase64 = "AAAAC3NzaC1lZDI1NTE5AAAAI" + String(repeating: "A", count: 38) + "AAAAD"

    /// The key that stands for byte 1.
    static let host = key(hostBase64)
    /// A key that no byte stands for.
    static let stranger = key(strangersBase64)

    /// The text with the key's two words for each byte 1, and its second word for each byte 2.
    static func expand(_ text: String) -> String {
        text.replacing("\u{1}", with: "ssh-ed25519 \(hostBase64)").replacing("\u{2}", with: hostBase64)
    }

    private static func key(_ base64: String) -> SSHPublicKey {
        guard let key = try? SSHPublicKey(type: "ssh-ed25519", base64: base64) else { fatalError("not a key") }
        return key
    }
}
