import CLibSSH
import Glibc
import Testing

@testable import SSHTransport

@Suite("A host key") struct HostKeyTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("is made with mode 0600 on the first start and stays the same")
    func creation() throws {
        let path = directory.path + "/key"
        let first = try HostKey(loadingOrCreating: path).publicKey
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(first.type == "ssh-ed25519")
        #expect(try HostKey(loadingOrCreating: path).publicKey == first)
    }

    @Test("is refused when others may read it, and says what to do")
    func permissions() throws {
        let path = directory.path + "/key"
        _ = try HostKey(loadingOrCreating: path).publicKey
        chmod(path, 0o640)
        #expect(throws: SSHError(.hostKey, "\(path): others may read it (mode 0640); run: chmod 600 \(path)")) {
            _ = try HostKey(loadingOrCreating: path).publicKey
        }
    }

    @Test("is never written over what is there")
    func damaged() throws {
        let path = try directory.write("not a key\n", to: "key")
        #expect(throws: SSHError.self) { _ = try HostKey(loadingOrCreating: path).publicKey }
        #expect(directory.read("key") == "not a key\n")
    }

    @Test("cannot be made where there is no directory")
    func noDirectory() {
        let path = directory.path + "/no/key"
        #expect(throws: SSHError(.hostKey, "\(path): cannot be made: No such file or directory")) {
            _ = try HostKey(loadingOrCreating: path).publicKey
        }
    }
}
