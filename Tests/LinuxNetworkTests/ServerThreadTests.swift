import Dispatch
import EventLoops
import Glibc
import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Synchronization
import Testing

@testable import LinuxNetwork

@Suite("A server whose clients live on several threads", .timeLimit(.minutes(5)))
struct ServerThreadTests {
    @Test("connections, takeovers and disconnections beside stop leave nobody behind, and lose no byte of the metrics")
    func storm() async throws {
        let threads = try ThreadedServer(loops: 4)
        let storm = Storm(threads)
        await withTaskGroup { group in
            for number in 0..<8 { group.addTask { await storm.run(number) } }
            group.addTask {
                for await count in storm.counts where count >= 500 { break }
                await threads.server.stop()
                #expect(storm.clients.allSatisfy { !$0.handle.isConnected }, "stop returns last")
            }
        }
        let clients = storm.clients
        #expect(clients.count >= 500)
        #expect(clients.allSatisfy { !$0.handle.isConnected })
        #expect(await Waiting.elsewhere { clients.allSatisfy { $0.hasEnded() } })
        #expect(threads.server.sessionCount == (0, 0))
        #expect(threads.log.lines("client took its session over").count > 10)
        #expect(threads.log.lines("client disconnected").count > 100)
        let logged = threads.log.lines("server_packet_metrics").reduce(0) {
            $0 + (Int($1["udp_ipv4_application_bytes_up"] ?? "0") ?? 0)
        }
        #expect(storm.reportedByteCount == logged && logged > 0)
        for client in clients { close(client.far) }
    }

    @Test(
        "a slow hook holds up the clients of its own loop, and those of no other",
        arguments: ["dnsResolvers", "allowsUDPPort", "updateMetrics"]
    )
    func slowHook(_ name: String) async throws {
        let gate = Gate()
        let threads = try ThreadedServer(loops: 2) { configuration, loops in
            let slow = loops[0]
            configuration.dnsResolvers = {
                if name == "dnsResolvers", slow.isCurrent { gate.pass() }
                return DNSResolvers()
            }
        }
        var hooks = ClientHooks()
        hooks.allowsUDPPort = { _, _ in
            if name == "allowsUDPPort" { gate.pass() }
            return true
        }
        hooks.updateMetrics = { _ in if name == "updateMetrics" { gate.pass() } }
        let slow = Task { [hooks] in
            let client = try await threads.connect("slow", loop: 0, hooks: hooks)
            client.send()
            if name == "updateMetrics" { await threads.server.clientDisconnected(client.handle) }
            return client
        }
        for await _ in gate.reached { break }
        for version in IPVersion.allCases {
            let quick = try await threads.connect("quick", loop: 1)
            quick.send(version)
            let arrived = await Waiting.elsewhere { [device = threads.devices[1]] in
                var packet = [UInt8](repeating: 0, count: 2_000)
                return recv(device, &packet, packet.count, 0) > 0
            }
            #expect(arrived)
            await threads.server.clientDisconnected(quick.handle)
            close(quick.far)
        }
        #expect(threads.server.sessionCount.all > 0)
        gate.open()
        close(try await slow.value.far)
        await threads.server.stop()
        #expect(gate.wasOpened, "nobody waited in vain")
    }
}

/// Clients that come and go until the server lets nobody in any more.
private final class Storm: Sendable {
    private let threads: ThreadedServer
    private let connected = Mutex<[ThreadedClient]>([])
    private let reported = Atomic(0)
    private let counter: AsyncStream<Int>.Continuation
    /// How many have come, each time that one does.
    let counts: AsyncStream<Int>

    init(_ threads: ThreadedServer) {
        self.threads = threads
        (counts, counter) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    var clients: [ThreadedClient] { connected.withLock { $0 } }
    var reportedByteCount: Int { reported.load(ordering: .relaxed) }

    func run(_ number: Int) async {
        var hooks = ClientHooks()
        hooks.updateMetrics = { self.reported.add(Int($0.udpUpstream), ordering: .relaxed) }
        for turn in 0... {
            let user = "user\((turn + number) % 5)"
            do {
                let client = try await threads.connect(user, loop: Int.random(in: 0..<4), hooks: hooks)
                counter.yield(
                    connected.withLock { clients in
                        clients.append(client)
                        return clients.count
                    }
                )
                for _ in 0..<Int.random(in: 0..<3) { client.send() }
                await leave(client)
            } catch {
                #expect(error as? SessionError == .serverIsNotRunning)
                return
            }
        }
    }

    private func leave(_ client: ThreadedClient) async {
        switch Int.random(in: 0..<4) {
        case 0:
            await threads.server.clientDisconnected(client.handle)
            #expect(!client.handle.isConnected)
        case 1: await threads.server.disconnect(client.handle.identity)
        case 2: shutdown(client.far, Int32(SHUT_RDWR))
        default: break
        }
    }
}

/// Where a hook waits until the test has seen that nobody else does.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let opened = Atomic(true)
    private let arrival: AsyncStream<Void>.Continuation
    /// Has an element as soon as a hook waits.
    let reached: AsyncStream<Void>

    init() { (reached, arrival) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    var wasOpened: Bool { opened.load(ordering: .acquiring) }

    func pass() {
        arrival.yield()
        if semaphore.wait(timeout: .now() + 30) == .timedOut { opened.store(false, ordering: .releasing) }
        semaphore.signal()
    }

    func open() { semaphore.signal() }
}
