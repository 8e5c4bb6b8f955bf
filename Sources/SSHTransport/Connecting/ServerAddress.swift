internal import Glibc
internal import IPPacket

/// One place that a server may be reached at.
struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
    let address: IPAddress
    let port: UInt16
    /// The interface of a link-local address (RFC 4007 §6); 0 for all others.
    let scope: UInt32

    init(_ address: IPAddress, port: UInt16, scope: UInt32 = 0) {
        self.address = address
        self.port = port
        self.scope = scope
    }

    /// The place that a socket address names; nil if it is of neither family.
    init?(_ name: UnsafePointer<sockaddr>) {
        switch Int32(name.pointee.sa_family) {
        case AF_INET:
            self = name.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                let ipv4 = UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
                return ServerAddress(IPAddress(ipv4: ipv4), port: UInt16(bigEndian: $0.pointee.sin_port))
            }
        case AF_INET6:
            self = name.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                let bytes = withUnsafeBytes(of: $0.pointee.sin6_addr) { Array($0) }
                let bits = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
                return ServerAddress(
                    IPAddress(bits: bits),
                    port: UInt16(bigEndian: $0.pointee.sin6_port),
                    scope: $0.pointee.sin6_scope_id
                )
            }
        default: return nil
        }
    }

    /// This host's end of a connected socket; nil if it has none.
    init?(localEndOf descriptor: Int32) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let address = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                getsockname(descriptor, name, &length) == 0 ? ServerAddress(name) : nil
            }
        }
        guard let address else { return nil }
        self = address
    }

    var family: Int32 { address.isIPv4 ? AF_INET : AF_INET6 }

    var description: String { "\(address)" }

    /// Calls `body` with the socket address that stands for this place.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        if address.isIPv4 {
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = address.ipv4.bigEndian
            return Self.with(name, body)
        }
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_port = port.bigEndian
        name.sin6_scope_id = scope
        let bits = address.bits
        withUnsafeMutableBytes(of: &name.sin6_addr) { bytes in
            for index in 0..<16 { bytes[index] = UInt8(truncatingIfNeeded: bits >> UInt128(120 - 8 * index)) }
        }
        return Self.with(name, body)
    }

    private static func with<Name, Result>(_ name: Name, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result)
        -> Result
    {
        withUnsafePointer(to: name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Name>.size)) }
        }
    }
}

extension [ServerAddress] {
    /// The same places, families alternating, beginning with the family of the first (RFC 8305 §4).
    var alternating: [ServerAddress] {
        guard let first else { return [] }
        let own = filter { $0.family == first.family }
        let other = filter { $0.family != first.family }
        var result: [ServerAddress] = []
        for index in 0..<Swift.max(own.count, other.count) {
            if index < own.count { result.append(own[index]) }
            if index < other.count { result.append(other[index]) }
        }
        return result
    }
}
