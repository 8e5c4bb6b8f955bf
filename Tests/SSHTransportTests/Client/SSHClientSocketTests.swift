import Glibc
import IPPacket
import SSHTransport
import Synchronization
import Testing

@Suite("SSHClient: its socket", .enabled(if: StockServer.isAvailable), .timeLimit(.minutes(5)))
struct SSHClientSocketTests {
    /// Connects, and collects the sockets that the hook has seen.
    private func sockets(_ configuration: SSHClientConfiguration) throws -> [SSHOutgoingSocket] {
        let seen = Recorded()
        var configuration = configuration
        configuration.prepareSocket = { socket in seen.list.withLock { $0.append(socket) } }
        try SSHClient(connecting: configuration).close()
        return seen.list.withLock { $0 }
    }

    @Test("The hook hears of each socket before it is connected", arguments: ["127.0.0.1", "::1"])
    func hook(host: String) throws {
        let scene = try Scene()
        let sockets = try sockets(try scene.configuration(host: host))
        #expect(sockets.map { "\($0.address)" } == [host])
        #expect(sockets.map(\.port) == [scene.server.port])
    }

    @Test("A hook that refuses every address is told as the reason", arguments: ["127.0.0.1", "::1"])
    func refusedByHook(host: String) throws {
        let scene = try Scene()
        var configuration = try scene.configuration(host: host)
        configuration.prepareSocket = { _ in throw SSHClientError(.unreachable, "no rule for it") }
        #expect(try failure(configuration).reason == "no rule for it")
    }

    @Test(
        "AddressFamily leaves out the other family",
        arguments: [("inet", "127.0.0.1", "::1"), ("inet6", "::1", "127.0.0.1")]
    )
    func family(word: String, own: String, other: String) throws {
        let scene = try Scene()
        let option = "AddressFamily=\(word)"
        #expect(try sockets(try scene.configuration(option, host: own)).count == 1)
        let error = try failure(scene.configuration(option, host: other))
        #expect(error.kind == .unreachable)
        #expect(error.reason.contains("AddressFamily"))
    }

    @Test("The client knows its own end of the connection", arguments: ["127.0.0.1", "::1"])
    func localEnd(host: String) throws {
        let scene = try Scene()
        let client = try SSHClient(connecting: scene.configuration(host: host))
        defer { client.close() }
        #expect(client.localAddress.map { "\($0)" } == host)
        #expect(!client.isBound)
    }

    @Test("BindAddress is where the connection comes from")
    func bindAddress() throws {
        let scene = try Scene()
        let local = Recorded()
        var configuration = try scene.configuration("BindAddress=127.0.0.7")
        configuration.prepareSocket = { socket in
            var name = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            _ = withUnsafeMutablePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.descriptor, $0, &length) }
            }
            local.text.withLock { $0 = "\(IPAddress(ipv4: UInt32(bigEndian: name.sin_addr.s_addr)))" }
        }
        let client = try SSHClient(connecting: configuration)
        client.close()
        #expect(client.isBound)
        #expect(client.localAddress.map { "\($0)" } == "127.0.0.7")
        #expect(local.text.withLock { $0 } == "127.0.0.7")
        #expect(try failure(scene.configuration("BindAddress=192.0.2.77")).reason.contains("BindAddress 192.0.2.77"))
    }

    @Test("ConnectTimeout ends the wait for an address that is silent")
    func silence() throws {
        let scene = try Scene()
        let silent = try SilentListener()
        var configuration = try scene.configuration("ConnectTimeout=1")
        configuration.port = silent.port
        let error = try failure(configuration)
        #expect(error.kind == .unreachable)
        #expect(error.reason.contains("does not answer"))
    }
}

private final class Recorded: Sendable {
    let list = Mutex<[SSHOutgoingSocket]>([])
    let text = Mutex("")
}
