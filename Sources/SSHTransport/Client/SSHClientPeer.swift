internal import Glibc
internal import IPPacket
internal import OpenSSHSyntax

/// The peer at the far end of a socket.
enum SSHClientPeer {
    /// The address that the kernel says; nil for what is no connected TCP socket.
    static func address(of descriptor: Int32) -> IPAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let capacity = socklen_t(text.count)
        let code = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getpeername(descriptor, address, &length) == 0 else { return EAI_FAMILY }
                return getnameinfo(address, length, &text, capacity, nil, 0, NI_NUMERICHOST)
            }
        }
        guard code == 0 else { return nil }
        return IPAddress(peer: String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
}

extension IPAddress {
    /// 127.0.0.0/8 and ::1.
    var isLoopback: Bool { isIPv4 ? ipv4 >> 24 == 127 : bits == 1 }
}
