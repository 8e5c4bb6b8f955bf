internal import Glibc

/// Standard output, at once: whoever waits for a line reads a file.
enum Output {
    static func line(_ text: String) {
        bytes(Array((text + "\n").utf8))
    }

    static func bytes(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
