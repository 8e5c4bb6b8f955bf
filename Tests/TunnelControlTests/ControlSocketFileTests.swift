import CTunnelControl
import Glibc
import Testing

@testable import TunnelControl

@Suite("The control socket's file")
struct ControlSocketFileTests {
    @Test("only the owner may connect where the group does not exist")
    func mode() throws {
        let fixture = try ControlFixture()
        var information = stat()
        #expect(stat(fixture.path, &information) == 0)
        #expect(information.st_mode & 0o7777 == 0o600)
    }

    @Test("what a killed process left is replaced, what lives is not")
    func leftover() async throws {
        let fixture = try ControlFixture()
        let left = "\(fixture.path)2"
        let listener = tunnelcontrol_listen(left, 1)
        #expect(listener >= 0)
        let living = #expect(throws: ControlError.self) { try ControlSocketFile.open(left) }
        #expect(living?.kind == .inUse)
        close(listener)
        let second = try ControlSocketFile.open(left)
        #expect(second >= 0)
        close(second)
        unlink(left)
    }

    @Test("a file that is no socket stays")
    func obstacle() throws {
        let fixture = try ControlFixture()
        let path = "\(fixture.path)2"
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: ControlError.self) { try ControlSocketFile.open(path) }
        #expect(access(path, F_OK) == 0)
        unlink(path)
    }

    @Test("a daemon that has stopped leaves nothing, and is missed")
    func stopped() async throws {
        let fixture = try ControlFixture()
        await fixture.stop()
        #expect(access(fixture.path, F_OK) != 0)
        do throws(ControlError) {
            _ = try ControlClient(path: fixture.path)
            Issue.record("somebody listens")
        } catch {
            #expect(error.kind == .noDaemon)
        }
    }
}
