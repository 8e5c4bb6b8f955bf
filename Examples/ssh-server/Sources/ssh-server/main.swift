// An SSH server of your own that carries packets: its keys and its policy are yours, and there is no configuration file.
// As root:
//
//   ssh-server PORT HOST-KEY AUTHORIZED-KEYS          everybody in AUTHORIZED-KEYS may look up names and use the web
//
// HOST-KEY is made if it is missing. SIGINT or SIGTERM takes back what was set up.

import EventLoops
import Glibc
import IPPacket
import LinuxNetwork
import Logging
import PacketTunnel
import SSHTransport
import UnixSignals

/// Hands the tunnel channels of logged-in clients to the core. Called on the loop of each connection.
final class TunnelDoor: SSHServerDelegate {
    private let server: PacketTunnelServer

    init(_ server: PacketTunnelServer) { self.server = server }

    func connection(_: SSHServerConnection, channelOpenRequested type: String, payload: [UInt8]) -> ChannelOpenDecision
    {
        guard let framing = ChannelFraming(rawValue: type), framing != .openSSH else {
            return .refuse(.unknownChannelType, "unknown channel type")
        }
        return .accept(SSHChannelOptions(for: framing))
    }

    func connection(_ connection: SSHServerConnection, didOpen channel: SSHChannel) {
        guard let framing = ChannelFraming(rawValue: channel.type) else { return channel.close() }
        var hooks = ClientHooks()
        hooks.allowsTCPPort = { _, port in port == 80 || port == 443 }
        hooks.allowsUDPPort = { _, port in port == 53 }
        let identity = SessionIdentity(user: connection.user, keyFingerprint: connection.keyFingerprint)
        do {
            try server.clientConnected(identity, transport: channel, framing: framing, hooks: hooks)
        } catch {
            channel.close()
        }
    }

    func connection(_: SSHServerConnection, channel: SSHChannel, environment name: String, value: String) {}

    func connection(
        _ connection: SSHServerConnection,
        execRequested command: String,
        reply: @escaping (ExecReply) -> Void
    ) -> Bool {
        guard command == "whoami" else { return false }
        reply(ExecReply(output: Array("\(connection.user)\n".utf8)))
        return true
    }

    /// The end of its channel has detached the client already; its lease waits for it.
    func connectionDidClose(_ connection: SSHServerConnection) {}
}

let words = CommandLine.arguments
guard words.count == 4, let port = UInt16(words[1]), let keyFile = fopen(words[3], "r") else {
    print("usage: ssh-server PORT HOST-KEY AUTHORIZED-KEYS")
    exit(64)
}
let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)

var text = [UInt8](repeating: 0, count: 1 << 20)
text.removeLast(text.count - fread(&text, 1, text.count, keyFile))
let keys = AuthorizedKeys(parsing: String(decoding: text, as: UTF8.self), file: words[3])

let logger = Logger(label: "ssh-server", factory: { StreamLogHandler.standardError(label: $0) })
let options = NetworkSetupOptions(logger: logger)
let loop = try EventLoop(name: "ssh-server")
let device = try await TunDevice.open(mtu: TunnelDefaults.mtu, loops: [loop], options: options)
let network = ServerNetwork(pool: TunnelDefaults.ipv4Pool, pool6: TunnelDefaults.ipv6Pool)
let setup = try await InterfaceSetup.server(network, device: device, options: options)
let lane = PacketTunnelServer.Lane(loop: loop, device: device.lanes[0])
let server = try PacketTunnelServer(configuration: ServerConfiguration(), lanes: [lane], logger: logger)
server.start()

var configuration = SSHServerConfiguration()
configuration.listenAddresses = [IPAddress(ipv4: 0), IPAddress(bits: 0)].map { .init($0, port: port) }
configuration.hostKeyFiles = [words[2]]
configuration.authorize = { _, key, address in keys.match(key, remoteAddress: address, now: Int64(time(nil))) }
let door = try SSHServer.start(
    configuration: configuration,
    loops: [loop],
    delegate: TunnelDoor(server),
    logger: logger
)
print("ready: \(door.hostKeys.map(\.fingerprint).joined(separator: " "))")
fflush(nil)
for await _ in signals { break }
door.stop()
await setup.undo()
await server.stop()
loop.stop()
