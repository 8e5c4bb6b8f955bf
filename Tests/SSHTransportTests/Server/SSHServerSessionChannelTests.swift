import CLibSSH
import Glibc
import Testing

@testable import SSHTransport

@Suite("A session channel") struct SSHServerSessionChannelTests {
    @Test("answers a command with output, exit status, and the end")
    func command() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        let channel = try #require(client.open("session"))
        #expect(ssh_channel_request_exec(channel, "info") == SSH_OK)
        #expect(client.readToEnd(channel) == "{\"user\":\"alice\"}\n")
        #expect(eventually { libssh_shim_channel_exit_status(channel) == 0 })
    }

    @Test("sends output of any length at the client's pace")
    func longOutput() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        let channel = try #require(client.open("session"))
        #expect(ssh_channel_request_exec(channel, "long") == SSH_OK)
        #expect(client.read(channel, 4_000_000).count == 3_000_000)
        #expect(eventually { libssh_shim_channel_exit_status(channel) == 7 })
    }

    @Test("runs no third command of a client that takes no answer, and the next one when it has")
    func untakenAnswers() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        let channels = try (0..<3).map { _ in try #require(client.open("session")) }
        #expect(ssh_channel_request_exec(channels[0], "long") == SSH_OK)
        #expect(ssh_channel_request_exec(channels[1], "long") == SSH_OK)
        #expect(ssh_channel_request_exec(channels[2], "info") == SSH_ERROR)
        #expect(client.read(channels[0], 4_000_000).count == 3_000_000)
        let next = try #require(client.open("session"))
        #expect(ssh_channel_request_exec(next, "info") == SSH_OK)
        #expect(client.readToEnd(next) == "{\"user\":\"alice\"}\n")
        // Closed, an answer waits for nobody.
        ssh_channel_close(channels[1])
        for _ in 0..<5 {
            let channel = try #require(client.open("session"))
            #expect(ssh_channel_request_exec(channel, "info") == SSH_OK)
            #expect(client.readToEnd(channel) == "{\"user\":\"alice\"}\n")
        }
    }

    @Test("refuses an unknown command and every subsystem")
    func refusals() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        let channel = try #require(client.open("session"))
        #expect(ssh_channel_request_exec(channel, "reboot") == SSH_ERROR)
        #expect(ssh_channel_request_subsystem(channel, "sftp") == SSH_ERROR)
        #expect(client.open("tun@psiphon.ca") != nil, "the connection goes on")
    }

    @Test("answers a shell with one line")
    func shell() throws {
        let fixture = try ServerFixture { $0.shellNotice = "no shell here" }
        let client = try fixture.client()
        let channel = try #require(client.open("session"))
        #expect(ssh_channel_request_pty(channel) == SSH_OK)
        #expect(ssh_channel_request_shell(channel) == SSH_OK)
        #expect(client.readToEnd(channel) == "no shell here\r\n")
        #expect(eventually { libssh_shim_channel_exit_status(channel) == 1 })
    }

    @Test("with a shell beside a tunnel stays until the person ends it")
    func shellBesideTunnel() throws {
        let fixture = try ServerFixture { $0.shellNotice = "no shell here." }
        let client = try fixture.client()
        let tunnel = try #require(client.open("tun@psiphon.ca"))
        let channel = try #require(client.open("session"))
        #expect(ssh_channel_request_shell(channel) == SSH_OK)
        let line = "no shell here. The tunnel is up; Ctrl-C ends it.\n"
        #expect(client.read(channel, line.utf8.count) == Array(line.utf8))
        #expect(client.write(tunnel, [1]) == 1)
        #expect(client.read(tunnel, 1) == [1])
        #expect(ssh_channel_is_open(channel) != 0)
        #expect(client.write(channel, [3]) == 1)
        #expect(eventually { client.read(channel, 1).isEmpty && libssh_shim_channel_exit_status(channel) == 0 })
    }

    @Test("talks to the stock ssh program")
    func stockClient() throws {
        let fixture = try ServerFixture()
        let key = try fixture.writeKey()
        defer { unlink(key) }
        let options =
            "-F none -i \(key) -p \(fixture.port) -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
            + "-o LogLevel=ERROR -o IdentitiesOnly=yes"
        #expect(run("ssh \(options) alice@127.0.0.1 info") == "{\"user\":\"alice\"}\n/0")
        #expect(run("ssh \(options) alice@127.0.0.1 </dev/null").contains("has no shell"))
        #expect(run("ssh \(options) -s alice@127.0.0.1 sftp </dev/null").contains("subsystem request failed"))
    }

    /// Output of a shell command, a slash, and its exit status.
    private func run(_ command: String) -> String {
        guard let pipe = popen("{ \(command); } 2>&1; echo -n /$?", "r") else { return "" }
        defer { pclose(pipe) }
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { result += buffer[..<count] }
        return String(decoding: result, as: UTF8.self)
    }
}
