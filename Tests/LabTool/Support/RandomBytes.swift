internal import Glibc

/// Bytes that nobody can guess.
enum RandomBytes {
    private static let mostAtOnce = 256  // of getentropy(3)

    static func make(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        bytes.withUnsafeMutableBytes { buffer in
            for start in stride(from: 0, to: count, by: mostAtOnce) {
                _ = getentropy(buffer.baseAddress.map { $0 + start }, min(mostAtOnce, count - start))
            }
        }
        return bytes
    }
}
