// A packet tunnel over a Unix socket: server and client with real tun devices, and no SSH. As root:
//
//   packet-relay server SOCKET                leases addresses, rewrites, masquerades
//   packet-relay client SOCKET CIDR...        reaches these networks through the server
//
// Any ordered byte stream does in the socket's place: `DescriptorTransport` takes every descriptor, and a type of your own
// that conforms to `PacketTransport` takes everything else. SIGINT or SIGTERM takes back what was set up.

import EventLoops
import Glibc
import IPPacket
import LinuxNetwork
import Logging
import PacketTunnel
import UnixSignals

func fail(_ message: String) -> Never {
    write(STDERR_FILENO, "packet-relay: \(message)\n", message.utf8.count + 15)
    exit(69)
}

/// A Unix socket, after `use` has bound it to `path` or connected it.
func unixSocket(_ path: String, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafePointer(to: &name) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { use(descriptor, $0, size) }
    }
    guard result == 0 else { fail("\(path): \(String(cString: strerror(errno)))") }
    return descriptor
}

/// Hands each connection to the server. All are the same person here; a login would tell them apart.
func acceptClients(of server: PacketTunnelServer, on listener: Int32, loop: EventLoop) {
    while case let descriptor = accept(listener, nil, nil), descriptor >= 0 {
        loop.execute {
            guard let transport = try? DescriptorTransport(input: descriptor, output: descriptor, loop: loop) else {
                return
            }
            let identity = SessionIdentity(user: "anybody", keyFingerprint: "whatever your login proves")
            try? server.clientConnected(identity, transport: transport, framing: .gso)
        }
    }
}

let words = CommandLine.arguments
let routes = words.dropFirst(3).compactMap { IPPrefix($0) }
guard words.count >= 3, routes.count == words.count - 3 else {
    fail("usage: packet-relay server SOCKET | packet-relay client SOCKET CIDR...")
}
let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
signal(SIGPIPE, SIG_IGN)

let logger = Logger(label: "packet-relay", factory: { StreamLogHandler.standardError(label: $0) })
let options = NetworkSetupOptions(logger: logger)
let loop = try EventLoop(name: "packet-relay")
let device = try await TunDevice.open(mtu: TunnelDefaults.mtu, loops: [loop], options: options)
let setup: InterfaceSetup
let stop: () async -> Void

if words[1] == "server" {
    let network = ServerNetwork(pool: TunnelDefaults.ipv4Pool, pool6: TunnelDefaults.ipv6Pool)
    setup = try await InterfaceSetup.server(network, device: device, options: options)
    let lane = PacketTunnelServer.Lane(loop: loop, device: device.lanes[0])
    var configuration = ServerConfiguration()
    configuration.policy = TrafficPolicy(deniedNetworks: ["10.0.0.0/8", "fc00::/7"].compactMap { IPPrefix($0) })
    let server = try PacketTunnelServer(configuration: configuration, lanes: [lane], logger: logger)
    server.start()
    let listener = unixSocket(words[2]) { bind($0, $1, $2) == 0 ? listen($0, 8) : -1 }
    Task.detached { acceptClients(of: server, on: listener, loop: loop) }
    stop = { await server.stop() }
} else {
    let addresses = ["10.111.0.2", "fd11::2"].compactMap { IPAddress($0) }
    let network = ClientNetwork(
        addresses: addresses.map { InterfaceAddress($0, prefixLength: $0.isIPv4 ? 32 : 128) },
        routes: routes
    )
    let descriptor = unixSocket(words[2]) { connect($0, $1, $2) }
    let (settings, lane) = (ClientConfiguration(), device.lanes[0])
    let made = try PacketTunnelClient(configuration: settings, loop: loop, device: lane, logger: logger)
    let client = LoopBound(made, on: loop)
    setup = try await InterfaceSetup.client(network, device: device, options: options)
    client.execute { client in
        let made = try? DescriptorTransport(input: descriptor, output: descriptor, loop: loop)
        guard let transport = made else { fail("the socket cannot be watched") }
        client.start()
        client.connect(transport, framing: .gso) { fail($0) }
    }
    stop = { client.execute { $0.stop() } }
}
print("ready: \(device.name)")
fflush(nil)
for await _ in signals { break }
await setup.undo()
await stop()
loop.stop()
