internal import ArgumentParser
internal import Glibc

/// A UDP or TCP socket of a probe. Closes itself; errors end the probe with a line that says what failed.
final class ProbeSocket {
    let descriptor: Int32

    init(owning descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// A socket of the address's family.
    convenience init(_ type: __socket_type, for address: SocketAddress, nonBlocking: Bool = false) throws {
        let flags = Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let extra = nonBlocking ? Int32(SOCK_NONBLOCK.rawValue) : 0
        let descriptor = socket(Int32(address.family), flags | extra, 0)
        self.init(owning: try ProbeFailure.check(descriptor, "socket"))
    }

    deinit { close(descriptor) }

    func bind(to address: SocketAddress) throws {
        set(SOL_SOCKET, SO_REUSEADDR, 1)
        try ProbeFailure.check(address.withSocketAddress { Glibc.bind(descriptor, $0, $1) }, "bind to \(address)")
    }

    func connect(to address: SocketAddress) throws {
        try ProbeFailure.check(address.withSocketAddress { Glibc.connect(descriptor, $0, $1) }, "connect to \(address)")
    }

    /// Sets an option; one that this kernel or user is denied stays as it was.
    func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Memory for what arrives while the probe does not run. The forced kind needs root and knows no limit.
    func setReceiveBuffer(_ bytes: Int32) {
        set(SOL_SOCKET, SO_RCVBUF, bytes)
        set(SOL_SOCKET, SO_RCVBUFFORCE, bytes)
    }

    /// True once something has arrived; false when the time is over, to the next millisecond.
    func wait(nanoseconds: UInt64) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, Int32(nanoseconds / 1_000_000 + 1)) > 0
    }
}

/// An IPv4 or IPv6 address with a port.
struct SocketAddress: CustomStringConvertible {
    let description: String
    private var storage = sockaddr_storage()
    private let length: socklen_t

    var family: sa_family_t { storage.ss_family }

    init(_ endpoint: ProbeEndpoint) throws {
        description = "\(endpoint.address) port \(endpoint.port)"
        var ipv4 = sockaddr_in()
        var ipv6 = sockaddr_in6()
        if inet_pton(AF_INET, endpoint.address, &ipv4.sin_addr) == 1 {
            ipv4.sin_family = sa_family_t(AF_INET)
            ipv4.sin_port = endpoint.port.bigEndian
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: ipv4, as: sockaddr_in.self) }
        } else if inet_pton(AF_INET6, endpoint.address, &ipv6.sin6_addr) == 1 {
            ipv6.sin6_family = sa_family_t(AF_INET6)
            ipv6.sin6_port = endpoint.port.bigEndian
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: ipv6, as: sockaddr_in6.self) }
        } else {
            throw ValidationError("\(endpoint.address) is not an address")
        }
    }

    /// The sender of the datagram that waits on `socket`. The datagram is taken.
    init(senderOn socket: ProbeSocket) throws {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var byte: UInt8 = 0
        let count = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(socket.descriptor, &byte, 1, 0, $0, &length)
            }
        }
        try ProbeFailure.check(Int32(truncatingIfNeeded: count), "receive")
        self.storage = storage
        self.length = length
        description = "the sender"
    }

    func withSocketAddress<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        withUnsafePointer(to: storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}

/// A system call of a probe that failed.
struct ProbeFailure: Error, CustomStringConvertible {
    let description: String

    /// The result, unless it says that the call failed.
    @discardableResult
    static func check(_ result: Int32, _ what: String) throws -> Int32 {
        guard result < 0 else { return result }
        throw ProbeFailure(description: "\(what): \(String(cString: strerror(errno)))")
    }
}
