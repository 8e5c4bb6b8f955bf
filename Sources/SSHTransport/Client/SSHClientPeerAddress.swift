internal import CLibSSH
internal import Glibc

extension SSHClient {
    /// The server's address in text form, as the connection reaches it now. Nil behind a proxy command, and once the
    /// connection is handed to a loop.
    public var peerAddress: String? {
        guard !handle.isHandedOver else { return nil }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getpeername(ssh_get_fd(handle.session), address, &length) == 0 else { return EAI_FAMILY }
                return getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            }
        }
        guard code == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
