internal import CLibSSH
internal import Glibc

/// Listening sockets, and the addresses of peers.
enum SSHServerSocket {
    /// Opens non-blocking listeners for one configured address: two for `*`, one or more for a name.
    ///
    /// - Throws: `SSHError` that names the address and what is in the way.
    static func listen(on address: SSHServerConfiguration.ListenAddress) throws(SSHError) -> [Int32] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        let host = address.host == "*" ? nil : address.host
        let code = getaddrinfo(host, String(address.port), &hints, &list)
        defer { freeaddrinfo(list) }
        guard code == 0 else {
            throw SSHError(.configuration, "cannot listen on \(address): \(String(cString: gai_strerror(code)))")
        }
        var descriptors: [Int32] = []
        var port = address.port
        do {
            for entry in sequence(first: list, next: { $0?.pointee.ai_next }) {
                guard let entry = entry?.pointee else { break }
                guard let descriptor = try open(entry, port: port, for: address) else { continue }
                descriptors.append(descriptor)
                if port == 0 { port = self.port(of: descriptor) }  // the same for both families
            }
        } catch {
            for descriptor in descriptors { close(descriptor) }
            throw error
        }
        return descriptors
    }

    /// nil if the host does not have the address family at all.
    private static func open(
        _ entry: addrinfo,
        port: UInt16,
        for address: SSHServerConfiguration.ListenAddress
    ) throws(SSHError) -> Int32? {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(entry.ai_family, type, 0)
        if descriptor < 0, errno == EAFNOSUPPORT, address.host == "*" { return nil }
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, size)
        // Else the IPv6 listener of `*` would take the IPv4 one's port.
        if entry.ai_family == AF_INET6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, size) }
        var name = sockaddr_storage()
        withUnsafeMutableBytes(of: &name) { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen)))
            // The port has the same place in both families' addresses.
            bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
        }
        let isBound = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, entry.ai_addrlen) == 0 }
        }
        guard isBound, Glibc.listen(descriptor, 1024) == 0 else {
            let code = errno
            close(descriptor)
            throw SSHError(.connection, "cannot listen on \(address): \(String(cString: strerror(code)))")
        }
        return descriptor
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
