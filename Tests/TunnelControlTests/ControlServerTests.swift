import CTunnelControl
import EventLoops
import Glibc
import PacketTunnel
import PacketTunnelTestKit
import Synchronization
import Testing

@testable import TunnelControl

@Suite("The control socket", .timeLimit(.minutes(5)))
struct ControlServerTests {
    /// Accepts every tunnel and keeps its streams.
    private static func accepting(_ taken: Taken) -> ControlFixture.Answer {
        { connection, request in
            guard case .tunnel(let asked, let descriptors) = request else { return connection.finish() }
            do {
                taken.put(asked, try descriptors.takeStreams(), connection.peer)
                connection.send(.accepted)
                connection.whenClosed { taken.end() }
            } catch {
                connection.finish(.refused(reason: "\(error)", exitStatus: 64))
            }
        }
    }

    @Test("descriptors that are passed carry bytes both ways", arguments: ["pipes", "sockets"])
    func passes(kind: String) throws {
        let taken = Taken()
        let fixture = try ControlFixture(answer: Self.accepting(taken))
        let (up, down) = kind == "pipes" ? (Ends.pipe(), Ends.pipe()) : (Ends.sockets(), Ends.sockets())
        let client = try ControlClient(path: fixture.path)
        let request = TunnelRequest(channelType: "tun@psiphon.ca", session: "laptop")
        try client.passDescriptors(request, input: up.first, output: down.second)
        let streams = try #require(taken.streams)
        #expect(taken.request == request)
        #expect(carries("upstream", from: up.second, to: streams.input))
        #expect(carries("downstream", from: streams.output, to: down.first))
        #expect(fcntl(streams.input, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test("the peer is who the kernel says")
    func peer() throws {
        let taken = Taken()
        let fixture = try ControlFixture(answer: Self.accepting(taken))
        let (up, down) = (Ends.pipe(), Ends.pipe())
        let client = try ControlClient(path: fixture.path)
        try client.passDescriptors(TunnelRequest(channelType: "x"), input: up.first, output: down.second)
        let peer = try #require(taken.peer)
        #expect(peer.user == getuid())
        #expect(peer.process == getpid())
        #expect(peer.keyFingerprint == "uid:\(getuid())")
        #expect(peer.lookUpUserName() == getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) })
    }

    @Test("who passed a pipe cannot make the daemon wait in it")
    func privatePipe() throws {
        let taken = Taken()
        let fixture = try ControlFixture(answer: Self.accepting(taken))
        let (up, down) = (Ends.pipe(), Ends.pipe())
        let client = try ControlClient(path: fixture.path)
        try client.passDescriptors(TunnelRequest(channelType: "x"), input: up.first, output: down.second)
        for end in [up.first, down.second] { #expect(fcntl(end, F_SETFL, 0) == 0) }
        let streams = try #require(taken.streams)
        for end in [streams.input, streams.output] { #expect(fcntl(end, F_GETFL) & O_NONBLOCK != 0) }
    }

    @Test("what is no stream is refused", arguments: Unusable.allCases)
    func refusal(_ unusable: Unusable) throws {
        let taken = Taken()
        let fixture = try ControlFixture(answer: Self.accepting(taken))
        let client = try ControlClient(path: fixture.path)
        let error = #expect(throws: ControlError.self) {
            try unusable.withDescriptors { input, output in
                try client.passDescriptors(TunnelRequest(channelType: "x"), input: input, output: output)
            }
        }
        #expect(error?.kind == .refused(exitStatus: 64))
        #expect(error?.reason.contains("neither a pipe nor a UNIX stream socket") == true)
        #expect(taken.streams == nil)
    }

    @Test("the end of the tunnel is told, and so is the end of who waits for it")
    func ends() throws {
        let connections = Mutex<[LoopBound<ControlConnection>]>([])
        let taken = Taken()
        let fixture = try ControlFixture { connection, request in
            let bound = LoopBound(current: connection, on: connection.loop)
            connections.withLock { $0.append(bound) }
            Self.accepting(taken)(connection, request)
        }
        let (up, down) = (Ends.pipe(), Ends.pipe())
        do {
            let client = try ControlClient(path: fixture.path)
            try client.passDescriptors(TunnelRequest(channelType: "x"), input: up.first, output: down.second)
            connections.withLock { $0[0] }.execute { $0.finish(.ended(reason: "enough")) }
            #expect(try client.waitForEnd() == "enough")
            #expect(!taken.isOver)
        }
        do {
            let client = try ControlClient(path: fixture.path)
            try client.passDescriptors(TunnelRequest(channelType: "x"), input: up.first, output: down.second)
        }
        #expect(eventually { taken.isOver })
    }

    @Test("a text of any length arrives whole")
    func longText() throws {
        let text = String(repeating: "Grüße aus dem Tunnel \u{1}\n", count: 40_000)
        let fixture = try ControlFixture { connection, _ in connection.finish(text: text) }
        #expect(try ControlClient(path: fixture.path).status() == text)
    }

    @Test("who asks nothing is not waited for")
    func silence() throws {
        var limits = ControlLimits()
        limits.patience = 50_000_000
        let fixture = try ControlFixture(limits: limits)
        let socket = try RawSocket(fixture.path)
        #expect(socket.receive() == nil)
    }

    @Test("one user has so many connections, and may come back when one has ended")
    func limit() throws {
        var limits = ControlLimits()
        limits.connectionsPerUser = 2
        let fixture = try ControlFixture(limits: limits) { connection, _ in connection.finish(text: "here") }
        do {
            let held = try [RawSocket(fixture.path), RawSocket(fixture.path)]
            #expect(eventually { (try? RawSocket(fixture.path))?.receive() == nil })
            withExtendedLifetime(held) {}
        }
        #expect(eventually { (try? ControlClient(path: fixture.path).status()) == "here" })
    }

    @Test("nonsense ends its own connection and no other")
    func nonsense() throws {
        let fixture = try ControlFixture { connection, _ in connection.finish(text: "here") }
        var generator = SeededGenerator(seed: 1)
        for round in 0..<300 {
            let socket = try RawSocket(fixture.path)
            let length = Int(generator.next() % 6_000)
            var message = (0..<length).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            if round % 3 == 0 { message = Array(#"{"request":"\#(String(decoding: message, as: UTF8.self))"}"#.utf8) }
            let ends = Ends.pipe()
            socket.send(message, Array([ends.first, ends.second, ends.first, ends.second].prefix(round % 5)))
            #expect(socket.receive() == nil)
        }
        #expect(try ControlClient(path: fixture.path).status() == "here")
    }

    @Test("a second request on a connection ends it")
    func secondRequest() throws {
        let fixture = try ControlFixture { connection, _ in connection.send(.accepted) }
        let socket = try RawSocket(fixture.path)
        socket.send(ControlWire.encodeStatusRequest())
        #expect(socket.receive() == ControlWire.encode(.accepted))
        socket.send(ControlWire.encodeStatusRequest())
        #expect(socket.receive() == nil)
    }
}
