// The socket constants of a file that is compiled after one with CLibSSH are visible through it alone.
import CLibSSH
import EventLoops
import Glibc

/// Listens on loopback, and either never answers, or says one thing and closes.
final class RawListener {
    let port: UInt16
    private let descriptor: Int32

    /// - Parameter reply: sent to the first client before its connection is closed; nil: nobody is ever accepted.
    init(reply: String?) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 4) == 0
                    ? getsockname(descriptor, address, &length) : -1
            }
        }
        guard code == 0 else { throw TestFailure("cannot listen") }
        port = UInt16(bigEndian: address.sin_port)
        guard let reply else { return }
        DetachedThread.run {
            let client = accept(descriptor, nil, nil)
            // The client's greeting first: closing with unread bytes would be a reset.
            var greeting = [UInt8](repeating: 0, count: 256)
            _ = read(client, &greeting, greeting.count)
            _ = write(client, reply, reply.utf8.count)
            close(client)
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }
}
