internal import Glibc
internal import IPPacket

/// A socket of either family, closed with its last user. A call that fails throws `SystemFailure`.
final class Socket: Sendable {
    let descriptor: Int32

    init(owning descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// A socket of the address's family.
    convenience init(_ type: __socket_type, for address: IPAddress, protocol number: Int32 = 0) throws {
        let family = address.isIPv4 ? AF_INET : AF_INET6
        let flags = Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        self.init(owning: try SystemFailure.check(socket(family, flags, number), "socket"))
    }

    deinit { close(descriptor) }

    /// A socket that is connected to this place, after `seconds` at the most.
    static func connected(
        _ type: __socket_type,
        to place: Endpoint,
        from source: IPAddress? = nil,
        timeout seconds: Double = 30
    ) throws -> Socket {
        let socket = try Socket(type, for: place.address)
        try socket.setTimeout(seconds)
        if let source { try socket.bind(to: Endpoint(source, port: 0)) }
        try socket.connect(to: place)
        return socket
    }

    /// A socket that is bound to this place, whoever had it before; a stream's listens.
    static func bound(_ type: __socket_type, to place: Endpoint) throws -> Socket {
        let socket = try Socket(type, for: place.address)
        try socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
        try socket.bind(to: place)
        if type == SOCK_STREAM { try SystemFailure.check(listen(socket.descriptor, 128), "listen") }
        return socket
    }

    func set(_ level: Int32, _ option: Int32, _ value: Int32) throws {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        try SystemFailure.check(setsockopt(descriptor, level, option, &value, size), "set option \(option)")
    }

    /// Bounds every call that waits, connect(2) included; 0 for no bound.
    func setTimeout(_ seconds: Double) throws {
        var time = timeval(tv_sec: Int(seconds), tv_usec: Int(seconds * 1e6) % 1_000_000)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            let size = socklen_t(MemoryLayout<timeval>.size)
            try SystemFailure.check(setsockopt(descriptor, SOL_SOCKET, option, &time, size), "set time limit")
        }
    }

    func bind(to place: Endpoint) throws {
        try SystemFailure.check(place.withSocketAddress { Glibc.bind(descriptor, $0, $1) }, "bind to \(place)")
    }

    func connect(to place: Endpoint) throws {
        try SystemFailure.check(place.withSocketAddress { Glibc.connect(descriptor, $0, $1) }, "connect to \(place)")
    }

    func accept() throws -> Socket {
        let peer = Socket(owning: try SystemFailure.check(Glibc.accept(descriptor, nil, nil), "accept"))
        try peer.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        return peer
    }

    /// Where a connected socket's other end is; nil for none.
    var peer: Endpoint? { try? name(getpeername) }

    /// Where it is bound itself.
    func place() throws -> Endpoint { try name(getsockname) }

    private func name(
        _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) throws -> Endpoint {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(descriptor, $0, &length) }
        }
        try SystemFailure.check(code, "address of a socket")
        guard let place = Endpoint(storage) else {
            throw SystemFailure(call: "address of a socket", code: EAFNOSUPPORT)
        }
        return place
    }
}
