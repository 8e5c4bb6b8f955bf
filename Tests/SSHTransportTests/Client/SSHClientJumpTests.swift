import Glibc
import SSHTransport
import Testing

@Suite("SSHClient through jump hosts", .enabled(if: StockServer.isAvailable), .timeLimit(.minutes(5)))
struct SSHClientJumpTests {
    @Test("A command answers through one jump host and through two", arguments: [1, 2])
    func hops(count: Int) throws {
        let scene = try Scene()
        let file = try scene.directory.write(
            """
            Host *
                User \(StockServer.user)
                Port \(scene.server.port)
                HostName 127.0.0.1
                IdentityFile \(scene.directory.path)/user_key
                IdentitiesOnly yes
                UserKnownHostsFile \(scene.knownHosts)
                GlobalKnownHostsFile none
                StrictHostKeyChecking accept-new
            """,
            to: "config"
        )
        var configuration = try SSHClientConfiguration(destination: "server")
        configuration.file = .path(file)
        try configuration.setOption("ProxyJump=" + (0..<count).map { "hop\($0)" }.joined(separator: ","))
        let client = try SSHClient(connecting: configuration)
        #expect(client.peers.map { "\($0)" } == ["127.0.0.1"])
        let large = try client.exec("head -c 300000 /dev/zero; echo; echo error >&2; exit 3", timeout: 20)
        #expect(large.output.count == 300_001)
        #expect(String(decoding: large.errorOutput, as: UTF8.self) == "error\n")
        #expect(large.status == 3)
        client.close()
    }

    @Test("A jump host that refuses is named in the error, and so is the server behind a good one")
    func failures() throws {
        let scene = try Scene(settings: "AllowTcpForwarding no")
        _ = try makeKey("other_key", in: scene.directory)
        let hop = "\(StockServer.user)@127.0.0.1:\(scene.server.port)"
        let file = try scene.directory.write(
            """
            IdentityFile \(scene.directory.path)/user_key
            IdentitiesOnly yes
            UserKnownHostsFile \(scene.knownHosts)
            StrictHostKeyChecking accept-new
            """,
            to: "config"
        )
        var configuration = try SSHClientConfiguration(destination: "\(StockServer.user)@127.0.0.9")
        configuration.file = .path(file)
        try configuration.setOption("ProxyJump=\(hop)")
        let refused = try failure(configuration)
        #expect(refused.kind == .permission)
        #expect(refused.reason.hasPrefix("jump host \(hop): it does not permit a connection to 127.0.0.9 port 22"))
    }
}
