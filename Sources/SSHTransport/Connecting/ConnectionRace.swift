internal import Glibc
internal import IPPacket

/// Connects to the first of several addresses that answers: the next attempt begins when the last one has failed, or has had
/// a short head start (RFC 8305 §5).
///
/// Used by one thread, which calls `poll` until there is a winner. Owns its sockets until then, and closes the others.
struct ConnectionRace: ~Copyable {
    /// Milliseconds that an attempt has for itself.
    static let headStart = 250
    /// A name server may send any number of addresses.
    private static let limit = 32

    /// Opens a socket and sets it up, or throws why that cannot be.
    private let open: (ServerAddress) throws(SSHClientError) -> Int32
    private var waiting: [ServerAddress] = []
    private var seen: Set<ServerAddress> = []
    private var running: [(descriptor: Int32, address: ServerAddress)] = []
    private var nextStart = 0
    /// What has become of those that have failed, in order.
    private(set) var failures: [(address: ServerAddress, reason: Reason)] = []

    /// Why an attempt has failed.
    enum Reason: Equatable {
        case system(Int32)
        case setup(SSHClientError.Kind, String)
    }

    init(
        leavingOut stale: Set<ServerAddress> = [],
        open: @escaping (ServerAddress) throws(SSHClientError) -> Int32
    ) {
        seen = stale
        self.open = open
    }

    deinit { for attempt in running { close(attempt.descriptor) } }

    /// True if nothing is left to try, and nothing is under way.
    var isOver: Bool { waiting.isEmpty && running.isEmpty }

    /// The addresses that are still being tried.
    var unanswered: [ServerAddress] { running.map(\.address) + waiting }

    /// Adds places to try, after those that are waiting, unless they are known.
    mutating func add(_ addresses: [ServerAddress]) {
        let new = addresses.filter { seen.count < Self.limit && seen.insert($0).inserted }
        waiting += new.alternating
    }

    /// Tries addresses again that have failed: a server that refuses now may only be restarting.
    mutating func retry(_ addresses: [ServerAddress]) {
        waiting += addresses.filter { address in failures.contains { $0.address == address } }
        failures.removeAll { failure in addresses.contains(failure.address) }
    }

    /// What to wait for: the sockets under way.
    var descriptors: [pollfd] { running.map { pollfd(fd: $0.descriptor, events: Int16(POLLOUT), revents: 0) } }

    /// Milliseconds until the next attempt is due at `now`; nil if none is waiting.
    func timeToNextStart(now: Int) -> Int? { waiting.isEmpty ? nil : running.isEmpty ? 0 : max(0, nextStart - now) }

    /// Begins what is due, and looks at what is under way.
    ///
    /// - Returns: the winner, whose socket is the caller's now; nil if there is none yet.
    mutating func advance(now: Int) -> (descriptor: Int32, address: ServerAddress)? {
        if let winner = collect() { return winner }
        while !waiting.isEmpty, running.isEmpty || now >= nextStart {
            let address = waiting.removeFirst()
            nextStart = now + Self.headStart
            if let descriptor = begin(address) { return (descriptor, address) }
        }
        return nil
    }

    /// - Returns: the socket, if it is connected already.
    private mutating func begin(_ address: ServerAddress) -> Int32? {
        do throws(SSHClientError) {
            let descriptor = try open(address)
            if address.withSocketAddress({ connect(descriptor, $0, $1) }) == 0 { return descriptor }
            let code = errno
            if code == EINPROGRESS {
                running.append((descriptor, address))
            } else {
                close(descriptor)
                fail(address, .system(code))
            }
        } catch {
            fail(address, .setup(error.kind, error.reason))
        }
        return nil
    }

    private mutating func collect() -> (descriptor: Int32, address: ServerAddress)? {
        for attempt in running {
            var state = pollfd(fd: attempt.descriptor, events: Int16(POLLOUT), revents: 0)
            guard Glibc.poll(&state, 1, 0) > 0 else { continue }
            running.removeAll { $0.descriptor == attempt.descriptor }
            var code: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            if getsockopt(attempt.descriptor, SOL_SOCKET, SO_ERROR, &code, &length) != 0 { code = errno }
            if code == 0 { return attempt }
            close(attempt.descriptor)
            fail(attempt.address, .system(code))
        }
        return nil
    }

    /// The next one need not wait for its turn.
    private mutating func fail(_ address: ServerAddress, _ reason: Reason) {
        failures.append((address, reason))
        nextStart = 0
    }
}
