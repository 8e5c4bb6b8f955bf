import Foundation
import Glibc
import Testing

/// Runs a shell line in the network namespace of the calling thread and returns what it printed.
@discardableResult
func shell(_ line: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let output = "\(NSTemporaryDirectory())/lintun-\(UUID().uuidString).out"
    defer { unlink(output) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup(line), nil]
    defer { for argument in arguments { free(argument) } }
    var identifier = pid_t()
    let code = posix_spawn(&identifier, "/bin/sh", &actions, nil, &arguments, environ)
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    let text = try String(contentsOfFile: output, encoding: .utf8)
    #expect(status == 0, "\(line): \(text)", sourceLocation: sourceLocation)
    return text
}

/// A directory of its own below the temporary directory, removed with the object.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/lintun-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
