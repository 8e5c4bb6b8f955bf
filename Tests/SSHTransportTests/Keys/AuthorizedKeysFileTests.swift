import Glibc
import SSHTransport
import Testing

@Suite("An authorized_keys file on disk")
struct AuthorizedKeysFileTests {
    @Test("Is read when only its owner can write it and what is above it")
    func good() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(SampleKey.ed25519, to: "authorized_keys", mode: 0o600)
        let keys = try AuthorizedKeys(contentsOf: file, owner: geteuid(), home: directory.path)
        #expect(keys.keys.count == 1)
        #expect(keys.file == file)
    }

    @Test("Is refused when others may write it", arguments: [0o620, 0o602] as [mode_t])
    func writableFile(mode: mode_t) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(SampleKey.ed25519, to: "authorized_keys", mode: mode)
        let error = #expect(throws: AuthorizedKeysFileError.self) {
            try AuthorizedKeys(contentsOf: file, owner: geteuid(), home: directory.path)
        }
        #expect(error?.reason == "writable by group or others; run chmod go-w on it, or it is ignored")
        let keys = try AuthorizedKeys(contentsOf: file, owner: geteuid(), checksModes: false)
        #expect(keys.keys.count == 1)
    }

    @Test("Is refused when a directory above it may be written by others, but not for one above the home")
    func writableDirectory() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(SampleKey.ed25519, to: "home/ssh/authorized_keys", mode: 0o600)
        chmod(directory.path, 0o777)
        let home = directory.path + "/home"
        #expect(try AuthorizedKeys(contentsOf: file, owner: geteuid(), home: home).keys.count == 1)
        chmod(home, 0o775)
        let error = #expect(throws: AuthorizedKeysFileError.self) {
            try AuthorizedKeys(contentsOf: file, owner: geteuid(), home: home)
        }
        #expect(error?.path.hasSuffix("/home") == true)
    }

    @Test("Is refused when it belongs to somebody else", .enabled(if: geteuid() == 0, "needs root to give a file away"))
    func foreignOwner() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(SampleKey.ed25519, to: "authorized_keys", mode: 0o600)
        chown(file, 12345, 12345)
        let error = #expect(throws: AuthorizedKeysFileError.self) {
            try AuthorizedKeys(contentsOf: file, owner: 54321, home: directory.path)
        }
        #expect(error?.reason.hasPrefix("belongs to user 12345, not to user 54321 or root") == true)
    }

    @Test("Missing is told apart from unusable")
    func missing() throws {
        let directory = try TemporaryDirectory()
        let missing = #expect(throws: AuthorizedKeysFileError.self) {
            try AuthorizedKeys(contentsOf: directory.path + "/none", owner: geteuid())
        }
        #expect(missing?.isMissing == true)
        let unusable = #expect(throws: AuthorizedKeysFileError.self) {
            try AuthorizedKeys(contentsOf: directory.path, owner: geteuid(), home: directory.path)
        }
        #expect(unusable?.isMissing == false)
        #expect(unusable?.reason == "not a regular file")
    }
}
