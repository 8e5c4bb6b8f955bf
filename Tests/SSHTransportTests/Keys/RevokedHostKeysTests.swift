import Foundation
import Testing

@testable import SSHTransport

/// `RevokedHostKeys` in each form that ssh-keygen(1) makes.
@Suite("Lists of revoked host keys", .enabled(if: StockServer.isAvailable, "needs ssh-keygen"))
struct RevokedHostKeysTests {
    private let directory: TemporaryDirectory
    private let revoked: SSHPublicKey
    private let other: SSHPublicKey

    init() throws {
        directory = try TemporaryDirectory()
        revoked = try Self.key("revoked", directory)
        other = try Self.key("other", directory)
    }

    private static func key(_ name: String, _ directory: TemporaryDirectory) throws -> SSHPublicKey {
        _ = try run("/usr/bin/ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", directory.path + "/" + name])
        let words = directory.read(name + ".pub").split(separator: " ").map(String.init)
        return try SSHPublicKey(type: words[0], base64: words[1])
    }

    private func list(_ specification: String, update: Bool = false) throws -> String {
        let source = try directory.write(specification, to: "specification")
        let file = directory.path + "/list"
        _ = try run("/usr/bin/ssh-keygen", ["-k", "-q", "-f", file] + (update ? ["-u"] : []) + [source])
        return file
    }

    @Test(
        "A key is found by itself, by SHA-1 and by SHA-256, and another key is not",
        arguments: ["key", "sha1", "sha256"]
    )
    func binary(kind: String) throws {
        let line = directory.read("revoked.pub").trimmingCharacters(in: .newlines)
        let file = try list("\(kind): \(line)\n")
        #expect(try RevokedHostKeys.contains(revoked, in: file))
        #expect(try !RevokedHostKeys.contains(other, in: file))
    }

    @Test("A list of several kinds, certificates among them, is read to its end")
    func mixed() throws {
        let line = directory.read("revoked.pub").trimmingCharacters(in: .newlines)
        let file = directory.path + "/list"
        let source = try directory.write("serial: 5-9\nid: somebody\nsha256: \(line)\n", to: "specification")
        _ = try run(
            "/usr/bin/ssh-keygen",
            ["-k", "-q", "-s", directory.path + "/other.pub", "-z", "3", "-f", file, source]
        )
        #expect(try RevokedHostKeys.contains(revoked, in: file))
        #expect(try !RevokedHostKeys.contains(other, in: file))
    }

    @Test("A list that is cut off anywhere, or followed by anything, is refused")
    func damaged() throws {
        let line = directory.read("revoked.pub").trimmingCharacters(in: .newlines)
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: list("key: \(line)\n"))))
        #expect(KeyRevocationList(bytes)?.contains(revoked.blob) == true)
        // Without its only section the list is whole, and empty.
        let whole = (0..<bytes.count).filter { KeyRevocationList(Array(bytes.prefix($0))) != nil }
        #expect(whole.count == 1 && whole.allSatisfy { $0 < bytes.count - revoked.blob.count })
        #expect(KeyRevocationList(bytes + [0]) == nil)
        let file = directory.path + "/cut"
        try Data(bytes.dropLast()).write(to: URL(filePath: file))
        #expect(throws: SSHClientError.self) { try RevokedHostKeys.contains(other, in: file) }
    }

    @Test("An unknown section, and an extension that has to be understood, are refused; another extension is not")
    func sections() throws {
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: list(""))))
        func with(_ type: UInt8, _ data: [UInt8]) -> KeyRevocationList? {
            KeyRevocationList(bytes + [type, 0, 0, 0, UInt8(data.count)] + data)
        }
        #expect(with(9, []) == nil)
        #expect(with(255, [0, 0, 0, 1, 0x61, 1, 0, 0, 0, 0]) == nil)
        #expect(with(255, [0, 0, 0, 1, 0x61, 0, 0, 0, 0, 0]) != nil)
        #expect(with(3, [0, 0, 0, 2, 1, 2]) == nil)
    }
}
