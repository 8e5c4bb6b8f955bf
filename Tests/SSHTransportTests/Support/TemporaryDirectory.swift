import Foundation
import Glibc

/// A directory that goes away with its last user.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/ssh-transport-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(String(cString: strerror(errno)))") }
        path = String(decoding: template.dropLast().map(UInt8.init(truncatingIfNeeded:)), as: UTF8.self)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file, with the directories above it, and returns its path.
    func write(_ text: String, to name: String, mode: mode_t = 0o600) throws -> String {
        let parts = name.split(separator: "/")
        for count in 1..<max(parts.count, 1) {
            mkdir(path + "/" + parts.prefix(count).joined(separator: "/"), 0o700)
        }
        let file = path + "/" + name
        guard let stream = fopen(file, "w") else { throw TestFailure("\(file): \(String(cString: strerror(errno)))") }
        fputs(text, stream)
        fclose(stream)
        chmod(file, mode)
        return file
    }

    func read(_ name: String) -> String {
        guard let stream = fopen(path + "/" + name, "r") else { return "" }
        defer { fclose(stream) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, stream)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
