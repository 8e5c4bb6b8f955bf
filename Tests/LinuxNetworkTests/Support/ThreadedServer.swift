import Dispatch
import EventLoops
import Glibc
import IPPacket
import PacketTunnel
import PacketTunnelTestKit

@testable import LinuxNetwork

/// A server on threads of its own, with sockets for devices and for transports.
final class ThreadedServer: Sendable {
    let loops: [EventLoop]
    let server: PacketTunnelServer
    let log = RecordedLog()
    /// The test's ends of the devices, by loop.
    let devices: [Int32]
    private let given: [Int32]

    init(loops loopCount: Int, configure: (inout ServerConfiguration, [EventLoop]) -> Void = { _, _ in }) throws {
        loops = try (0..<loopCount).map { try EventLoop(name: "server-\($0)") }
        let pairs = loops.map { _ in Self.pair(SOCK_SEQPACKET) }
        (given, devices) = (pairs.map(\.0), pairs.map(\.1))
        var configuration = ServerConfiguration()
        configure(&configuration, loops)
        let lanes = try zip(loops, given).map { loop, descriptor in
            PacketTunnelServer.Lane(
                loop: loop,
                device: try ForeignDevice(descriptor: descriptor, mtu: 0, loop: loop)
            )
        }
        server = try PacketTunnelServer(configuration: configuration, lanes: lanes, logger: log.logger)
        server.start()
    }

    deinit {
        for loop in loops { loop.stop() }
        for descriptor in given + devices { close(descriptor) }
    }

    static func pair(_ type: __socket_type) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
        // Whoever waits for what does not come fails, and does not hang.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        return (ends[0], ends[1])
    }

    /// Connects a client whose transport lives on one of the loops.
    func connect(_ user: String, loop number: Int, hooks: ClientHooks = ClientHooks()) async throws -> ThreadedClient {
        let (near, far) = Self.pair(SOCK_STREAM)
        let (loop, server) = (loops[number], server)
        do {
            let handle = try await withCheckedThrowingContinuation { continuation in
                loop.execute {
                    continuation.resume(
                        with: Result {
                            let transport = try DescriptorTransport(input: near, output: near, loop: loop)
                            let identity = SessionIdentity(user: user, keyFingerprint: "key")
                            do {
                                return try server.clientConnected(
                                    identity,
                                    transport: transport,
                                    framing: .psiphon,
                                    hooks: hooks
                                )
                            } catch {
                                transport.close()
                                throw error
                            }
                        }
                    )
                }
            }
            return ThreadedClient(handle: handle, far: far)
        } catch {
            close(far)
            throw error
        }
    }
}

/// The test's end of a connection.
struct ThreadedClient: Sendable {
    let handle: ConnectedClient
    let far: Int32

    /// Sends one datagram of four bytes.
    func send(_ version: IPVersion = .v4) {
        let source = version == .v4 ? IPAddress(ipv4: 0xc0a8_0102) : IPAddress(bits: 0xfd00_0001 << 96 | 2)
        let target = version == .v4 ? IPAddress(ipv4: 0x0101_0101) : IPAddress(bits: 0x2606_4700 << 96 | 0x1111)
        let packet = PacketBuilder.udp(source: source, destination: target, payload: [1, 2, 3, 4])
        let frame = MemoryFrames.frame(packet, as: .psiphon)
        _ = Glibc.send(far, frame, frame.count, Int32(MSG_NOSIGNAL))
    }

    /// Waits for the end of the stream; false if it does not come.
    func hasEnded() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = recv(far, &buffer, buffer.count, 0)
            if count <= 0 { return count == 0 || errno == ECONNRESET }
        }
    }
}

/// Calls that wait for the kernel: not on the threads of tasks, of which there are few.
enum Waiting {
    static func elsewhere<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: body()) }
        }
    }
}
