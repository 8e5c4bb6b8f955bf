internal import CLibSSH
internal import Glibc
internal import IPPacket
internal import OpenSSHSyntax

/// Listening sockets, and the addresses of peers.
enum SSHServerSocket {
    /// Opens a non-blocking listener; nil for every address of a family that the host does not have.
    ///
    /// - Throws: `SSHError` that names the address and what is in the way.
    static func listen(on address: ListenAddress) throws(SSHError) -> Int32? {
        let isIPv4 = address.address.isIPv4
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(isIPv4 ? AF_INET : AF_INET6, type, 0)
        if descriptor < 0, errno == EAFNOSUPPORT, address.isEveryAddress { return nil }
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, size)
        // Else the IPv6 listener for every address would take the IPv4 one's port.
        if !isIPv4 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, size) }
        guard bind(descriptor, to: address), Glibc.listen(descriptor, 1024) == 0 else {
            let code = errno
            close(descriptor)
            throw SSHError(.connection, "cannot listen on \(address): \(String(cString: strerror(code)))")
        }
        return descriptor
    }

    private static func bind(_ descriptor: Int32, to address: ListenAddress) -> Bool {
        let port = (address.port ?? 22).bigEndian
        if address.address.isIPv4 {
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port
            name.sin_addr.s_addr = address.address.ipv4.bigEndian
            return bind(descriptor, to: &name)
        }
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_port = port
        let bits = address.address.bits.bigEndian
        withUnsafeMutableBytes(of: &name.sin6_addr) { $0.storeBytes(of: bits, as: UInt128.self) }
        return bind(descriptor, to: &name)
    }

    private static func bind<Name>(_ descriptor: Int32, to name: inout Name) -> Bool {
        withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<Name>.size)) == 0
            }
        }
    }

    /// The port that a listener got.
    static func port(of descriptor: Int32) -> UInt16 {
        var name = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return withUnsafeBytes(of: name) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }

    /// Takes one waiting connection.
    ///
    /// - Returns: the non-blocking descriptor and the peer's address and port; nil with `errno` set if there is none.
    static func accept(_ listener: Int32) -> (descriptor: Int32, address: String, port: UInt16)? {
        var name = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let descriptor = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                libssh_shim_accept(listener, $0, &length)
            }
        }
        guard descriptor >= 0 else { return nil }
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        _ = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getnameinfo($0, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST)
            }
        }
        let port = withUnsafeBytes(of: name) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
        let address = String(decoding: host.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        return (descriptor, address, port)
    }
}
