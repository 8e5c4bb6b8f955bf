internal import Glibc

/// Standard input.
enum StandardInput {
    /// All of it, to its end.
    static func all() -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(STDIN_FILENO, &piece, piece.count), count > 0 { bytes += piece[..<count] }
        return bytes
    }
}
