internal import ArgumentParser
internal import EventLoops
internal import Glibc

/// Serves objects as a web server does: each connection asks with one byte and gets one object, until the probe is ended.
struct ObjectsProbe: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "objects")

    /// How many objects are fetched, what each has in bytes, and how many are on their way at once, as with a browser.
    static let count = 100
    static let size = 30_000
    static let parallel = 6

    @OptionGroup var endpoint: ProbeEndpoint

    func run() throws {
        let address = try SocketAddress(endpoint)
        let listener = try ProbeSocket(SOCK_STREAM, for: address)
        try listener.bind(to: address)
        try ProbeFailure.check(listen(listener.descriptor, 1_024), "listen")
        ProbeOutput.write("listening")
        let object = [UInt8](repeating: 0x2a, count: Self.size)
        var waiting: [ProbeSocket] = []
        while true {
            var entries = ([listener] + waiting).map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            try ProbeFailure.check(poll(&entries, nfds_t(entries.count), -1), "poll")
            for (entry, connection) in zip(entries.dropFirst(), waiting) where entry.revents != 0 {
                // A request left unread would have the close end the connection at once (RFC 2525 section 2.17).
                var request: UInt8 = 0
                recv(connection.descriptor, &request, 1, 0)
                // The whole object fits into the socket's buffer, so this does not wait; the kernel sends it after the close.
                send(connection.descriptor, object, object.count, Int32(MSG_NOSIGNAL))
                waiting.removeAll { $0 === connection }
            }
            guard entries[0].revents != 0 else { continue }
            let connection = ProbeSocket(
                owning: try ProbeFailure.check(accept(listener.descriptor, nil, nil), "accept")
            )
            connection.set(SOL_SOCKET, SO_SNDBUF, Int32(4 * Self.size))
            waiting.append(connection)
        }
    }
}

/// Fetches the objects of an `ObjectsProbe`, each over a connection of its own, and prints how many milliseconds passed until
/// all were there.
struct FetchProbe: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "fetch")

    /// Nanoseconds after which the probe gives up.
    private static let patience: UInt64 = 100_000_000_000

    @OptionGroup var endpoint: ProbeEndpoint

    func run() throws {
        let address = try SocketAddress(endpoint)
        let start = SystemClock.monotonic
        var (begun, complete) = (0, 0)
        var fetches: [Fetch] = []
        while complete < ObjectsProbe.count {
            while begun < ObjectsProbe.count, fetches.count < ObjectsProbe.parallel {
                fetches.append(try Fetch(from: address))
                begun += 1
            }
            guard SystemClock.monotonic < start + Self.patience else {
                throw ProbeFailure(
                    description: "\(complete) of \(ObjectsProbe.count) objects after \(Self.patience / 1_000_000_000) s"
                )
            }
            complete += try Self.advance(&fetches)
        }
        ProbeOutput.print(["time": Double(SystemClock.monotonic - start) / 1e6])
    }

    /// Waits until something happens to one of the connections, and takes out those that have their object.
    private static func advance(_ fetches: inout [Fetch]) throws -> Int {
        var entries = fetches.map {
            pollfd(fd: $0.socket.descriptor, events: Int16($0.isAsked ? POLLIN : POLLOUT), revents: 0)
        }
        try ProbeFailure.check(poll(&entries, nfds_t(entries.count), 1_000), "poll")
        for (index, entry) in entries.enumerated() where entry.revents != 0 { try fetches[index].advance() }
        let before = fetches.count
        fetches.removeAll(where: \.isComplete)
        return before - fetches.count
    }
}

/// One object on its way.
private struct Fetch {
    let socket: ProbeSocket
    private(set) var isAsked = false
    private var received = 0
    var isComplete: Bool { received == ObjectsProbe.size }

    init(from address: SocketAddress) throws {
        socket = try ProbeSocket(SOCK_STREAM, for: address, nonBlocking: true)
        let result = address.withSocketAddress { Glibc.connect(socket.descriptor, $0, $1) }
        if result != 0, errno != EINPROGRESS { try ProbeFailure.check(result, "connect to \(address)") }
    }

    mutating func advance() throws {
        guard isAsked else {
            try ProbeFailure.check(
                Int32(truncatingIfNeeded: send(socket.descriptor, [0x2a], 1, Int32(MSG_NOSIGNAL))),
                "ask"
            )
            isAsked = true
            return
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket.descriptor, &buffer, buffer.count, 0)
        if count < 0, errno == EAGAIN { return }
        guard count > 0 else {
            throw ProbeFailure(description: "a connection ended after \(received) bytes of an object")
        }
        received += count
    }
}
