import EventLoops
import Glibc

/// Two connected sockets, non-blocking.
final class SocketPair: Sendable {
    let near: Int32
    let far: Int32

    init() throws {
        var descriptors: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &descriptors) == 0 else { throw SystemCallError("socketpair") }
        near = descriptors[0]
        far = descriptors[1]
    }

    deinit {
        close(near)
        close(far)
    }

    func sendByte() { _ = send(far, [1], 1, 0) }

    /// Takes one byte from the near end; false if none is there.
    func takeByte() -> Bool {
        var byte: UInt8 = 0
        return recv(near, &byte, 1, 0) == 1
    }
}
