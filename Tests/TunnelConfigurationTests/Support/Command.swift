import Foundation

/// A program that was run to its end.
struct Command {
    var status: Int32
    var output: String
    var errors: String

    /// Runs a program found in `PATH`, or at an absolute path.
    init(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        // Files, not pipes: nobody has to empty them while the program runs.
        let directory = try TemporaryDirectory()
        let (output, errors) = (directory.path + "/output", directory.path + "/errors")
        for name in ["output", "errors"] { _ = try directory.file(name, "") }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        process.waitUntilExit()
        status = process.terminationStatus
        self.output = try String(contentsOfFile: output, encoding: .utf8)
        self.errors = try String(contentsOfFile: errors, encoding: .utf8)
        withExtendedLifetime(directory) {}
    }

    /// True if a program can be run here.
    static func exists(_ name: String) -> Bool {
        (try? Command(["sh", "-c", "command -v \(name)"]).status) == 0
    }
}

/// A directory that is gone when nobody holds it any more.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/packet-tunnel-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file into it, and returns its path.
    func file(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
        return "\(path)/\(name)"
    }
}

/// Where the package and its products are.
enum Package {
    /// The directory of Package.swift.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path

    /// The text of a file of the package.
    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)
    }

    /// A program that was built together with these tests; it lies beside them.
    static func product(_ name: String) throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: tests).deletingLastPathComponent().path + "/\(name)"
    }
}
