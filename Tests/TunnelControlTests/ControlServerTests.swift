import CTunnelControl
import EventLoops
import Glibc
import Synchronization
import Testing

@testable import TunnelControl

@Suite("The control socket", .timeLimit(.minutes(5)))
struct ControlServerTests {
    /// Accepts every tunnel and keeps its streams.
    private static func accepting(_ taken: Taken) -> ControlFixture.Answer {
        { connection, request in
            guard case .tunnel(let handOver, let descriptors) = request else { return connection.finish() }
            do {
                taken.put(handOver, try descriptors.takeStreams(), connection.peer)
                connection.send(.accepted)
                connection.whenClosed { taken.end() }
            } catch {
                connection.finish(.refused(reason: "\(error)", exitStatus: 64))
            }
        }
    }

    @Test("descriptors that are handed over carry bytes both ways", arguments: ["pipes", "sockets"])
    func handOver(kind: String) throws {
        let taken = Taken()
        let fixture = try ControlFixture(answer: Self.accepting(taken))
        let (up, down) = kind == "pipes" ? (Ends.pipe(), Ends.pipe()) : (Ends.sockets(), Ends.sockets())
        let client = try ControlClient(path: fixture.path)
        let request = TunnelHandOver(channelType: "tun@psiphon.ca", session: "laptop")
        try client.handOver(request, input: up.first, output: down.second)
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
        try client.handOver(TunnelHandOver(channelType: "x"), input: up.first, output: down.second)
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
        try client.handOver(TunnelHandOver(channelType: "x"), input: up.first, output: down.second)
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
                try client.handOver(TunnelHandOver(channelType: "x"), input: input, output: output)
            }
        }
        #expect(error?.kind == .refused(exitStatus: 64))
        #expect(error?.message.contains("neither a pipe nor a UNIX stream socket") == true)
        #expect(taken.streams == nil)
    }

    @Test("the end of the tunnel is told, and so is the end of who waits for it")
    func ends() throws {
        let connections = Mutex<[ControlConnection]>([])
        let taken = Taken()
        let fixture = try ControlFixture { connection, request in
            connections.withLock { $0.append(connection) }
            Self.accepting(taken)(connection, request)
        }
        let (up, down) = (Ends.pipe(), Ends.pipe())
        do {
            let client = try ControlClient(path: fixture.path)
            try client.handOver(TunnelHandOver(channelType: "x"), input: up.first, output: down.second)
            fixture.loop.execute { connections.withLock { $0[0] }.finish(.ended(reason: "enough")) }
            #expect(try client.waitForEnd() == "enough")
            #expect(!taken.isOver)
        }
        do {
            let client = try ControlClient(path: fixture.path)
            try client.handOver(TunnelHandOver(channelType: "x"), input: up.first, output: down.second)
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
        var generator = SplitMix(state: 1)
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

/// Two descriptors that are no byte stream, or not in this direction.
enum Unusable: CaseIterable {
    case files, device, wrongWay, datagrams, messages, network, pathOnly

    func withDescriptors(_ body: (Int32, Int32) throws -> Void) throws {
        switch self {
        case .files: try with(File("/etc/passwd", O_RDONLY), body)
        case .device: try with(File("/dev/zero", O_RDWR), body)
        case .pathOnly:
            // O_PATH, which the Glibc module leaves out.
            try with(File("/etc/passwd", 0o10_000_000), body)
        case .wrongWay:
            let ends = Ends.pipe()
            try body(ends.second, ends.first)
        case .datagrams:
            let ends = Ends.sockets(SOCK_DGRAM)
            try body(ends.first, ends.second)
        case .messages:
            let ends = Ends.sockets(SOCK_SEQPACKET)
            try body(ends.first, ends.second)
        case .network:
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            try body(descriptor, descriptor)
        }
    }

    private func with(_ file: File, _ body: (Int32, Int32) throws -> Void) throws {
        try body(file.descriptor, file.descriptor)
    }
}

/// What a test's server was given.
final class Taken: Sendable {
    private let value = Mutex<(request: TunnelHandOver, input: Int32, output: Int32, peer: ControlPeer)?>(nil)
    private let hasEnded = Atomic<Bool>(false)

    var isOver: Bool { hasEnded.load(ordering: .acquiring) }
    var request: TunnelHandOver? { value.withLock { $0?.request } }
    var peer: ControlPeer? { value.withLock { $0?.peer } }
    var streams: (input: Int32, output: Int32)? { value.withLock { $0.map { ($0.input, $0.output) } } }

    func put(_ request: TunnelHandOver, _ streams: (input: Int32, output: Int32), _ peer: ControlPeer) {
        value.withLock { $0 = (request, streams.input, streams.output, peer) }
    }

    func end() { hasEnded.store(true, ordering: .releasing) }

    deinit {
        if let streams {
            close(streams.input)
            close(streams.output)
        }
    }
}

/// A peer that sends what it likes.
final class RawSocket {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = tunnelcontrol_connect(path, 5)
        guard descriptor >= 0 else { throw ControlError.call("connect", descriptor) }
    }

    deinit { close(descriptor) }

    func send(_ message: [UInt8], _ descriptors: [Int32] = []) {
        _ = tunnelcontrol_send(descriptor, message, message.count, descriptors, Int32(descriptors.count))
    }

    /// Nil at the end of the connection.
    func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var message = tunnelcontrol_message()
        guard tunnelcontrol_receive(descriptor, &buffer, buffer.count, &message) == 0, message.length > 0 else {
            return nil
        }
        return Array(buffer.prefix(message.length))
    }
}

/// Waits until something holds, five seconds at most.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<500 {
        if condition() { return true }
        usleep(10_000)
    }
    return condition()
}

/// Numbers that are the same in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}
