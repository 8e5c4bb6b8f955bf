internal import Glibc

/// A file that is sent as often as a caller wants bytes. Any number of threads may use it.
final class Blob: Sendable {
    private let descriptor: Int32
    private let size: Int

    init(path: String) throws {
        descriptor = try SystemFailure.check(open(path, O_RDONLY | O_CLOEXEC), path)
        size = Int(try SystemFailure.check(lseek(descriptor, 0, SEEK_END), path))
    }

    deinit { close(descriptor) }

    func send(_ count: Int, to socket: Socket) throws {
        var left = count
        while left > 0 {
            var offset = (count - left) % size
            let sent = sendfile(socket.descriptor, descriptor, &offset, min(left, size - offset))
            left -= try SystemFailure.check(sent, "sendfile")
        }
    }
}
