internal import Glibc

/// The lines of a file of proc(5).
enum KernelTable {
    /// Bytes: a hundred thousand sockets. What stands behind that is left out.
    private static let limit = 16 << 20

    /// Reads to the end: the kernel hands out a page at a time, which readers of plain files take for the end.
    static func lines(of path: String) -> [Substring] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while bytes.count < limit {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }
}
