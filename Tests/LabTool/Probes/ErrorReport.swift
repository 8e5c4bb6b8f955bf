internal import Glibc
internal import IPPacket

/// One entry of a socket's queue of errors (IP_RECVERR of ip(7)).
struct ErrorReport {
    let type: UInt8
    let code: UInt8
    /// Who has sent the ICMP error.
    let sender: IPAddress

    /// struct sock_extended_err of linux/errqueue.h, and the address behind it.
    private enum Field {
        static let type = 5, code = 6, senderIPv4 = 20, senderIPv6 = 24
    }

    /// Takes the next entry; nil for none.
    init?(from socket: Socket) {
        var data: UInt8 = 0
        var control = [UInt8](repeating: 0, count: 512)
        let count = withUnsafeMutablePointer(to: &data) { data in
            control.withUnsafeMutableBytes { control in
                var vector = iovec(iov_base: data, iov_len: 1)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    let flags = Int32(MSG_ERRQUEUE) | Int32(MSG_DONTWAIT)
                    return recvmsg(socket.descriptor, &message, flags) < 0 ? 0 : message.msg_controllen
                }
            }
        }
        let header = MemoryLayout<cmsghdr>.size
        guard count > header else { return nil }
        let family = control.withUnsafeBytes { $0.load(fromByteOffset: MemoryLayout<size_t>.size, as: Int32.self) }
        let isIPv4 = family == Int32(IPPROTO_IP)
        let body = Array(control[header..<count])
        let start = isIPv4 ? Field.senderIPv4 : Field.senderIPv6
        guard body.count >= start + (isIPv4 ? 4 : 16) else { return nil }
        type = body[Field.type]
        code = body[Field.code]
        sender = Self.address(body[start...], isIPv4: isIPv4)
    }

    private static func address(_ bytes: ArraySlice<UInt8>, isIPv4: Bool) -> IPAddress {
        if isIPv4 { return IPAddress(ipv4: bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }) }
        return IPAddress(bits: bytes.prefix(16).reduce(0) { $0 << 8 | UInt128($1) })
    }
}
