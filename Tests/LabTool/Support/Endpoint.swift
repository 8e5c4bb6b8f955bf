internal import ArgumentParser
internal import Glibc
internal import IPPacket

/// An address and a port, as the system's calls take them.
struct Endpoint: Hashable, CustomStringConvertible {
    let address: IPAddress
    let port: UInt16

    var description: String { "\(address) port \(port)" }

    init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads what a call such as accept(2) has written; nil for another family than IPv4 and IPv6.
    init?(_ storage: sockaddr_storage) {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let socket = withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in.self) }
            self.init(
                IPAddress(ipv4: UInt32(bigEndian: socket.sin_addr.s_addr)),
                port: UInt16(bigEndian: socket.sin_port)
            )
        case AF_INET6:
            let socket = withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in6.self) }
            let bits = withUnsafeBytes(of: socket.sin6_addr) { $0.loadUnaligned(as: UInt128.self) }
            self.init(IPAddress(bits: UInt128(bigEndian: bits)), port: UInt16(bigEndian: socket.sin6_port))
        default: return nil
        }
    }

    /// Calls `body` with the address in the system's form.
    func withSocketAddress<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        if address.isIPv4 {
            var socket = sockaddr_in()
            socket.sin_family = sa_family_t(AF_INET)
            socket.sin_port = port.bigEndian
            socket.sin_addr.s_addr = address.ipv4.bigEndian
            return Self.rebind(&socket, body)
        }
        var socket = sockaddr_in6()
        socket.sin6_family = sa_family_t(AF_INET6)
        socket.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &socket.sin6_addr) { $0.storeBytes(of: address.bits.bigEndian, as: UInt128.self) }
        return Self.rebind(&socket, body)
    }

    private static func rebind<Address, Value>(
        _ address: inout Address,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
    ) -> Value {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Address>.size)) }
        }
    }
}

/// The words ADDRESS and PORT of a command line.
struct EndpointArguments: ParsableArguments {
    @Argument(help: "An IPv4 or IPv6 address.")
    var address: IPAddress

    @Argument(help: "A port.")
    var port: UInt16

    var endpoint: Endpoint { Endpoint(address, port: port) }
}
