internal import Glibc

/// The SHA-256 of what is written to it, by sha256sum(1).
final class Digest {
    /// Both its standard input and its standard output.
    private let channel: Socket
    private let process: pid_t

    init() throws {
        var pair: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        try SystemFailure.check(socketpair(AF_UNIX, type, 0, &pair), "socket pair")
        let (near, far) = (Socket(owning: pair[0]), Socket(owning: pair[1]))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for standard in [STDIN_FILENO, STDOUT_FILENO] {
            posix_spawn_file_actions_adddup2(&actions, far.descriptor, standard)
        }
        var words: [UnsafeMutablePointer<CChar>?] = [strdup("sha256sum"), nil]
        defer { free(words[0]) }
        var process: pid_t = 0
        let code = posix_spawnp(&process, "sha256sum", &actions, nil, &words, environ)
        guard code == 0 else { throw SystemFailure(call: "sha256sum", code: code) }
        self.process = process
        channel = near
    }

    func write(_ bytes: ArraySlice<UInt8>) throws {
        try channel.send(Array(bytes))
    }

    /// The digest of all of it, in hexadecimal. Once.
    func finish() throws -> String {
        try channel.endSending()
        var text: [UInt8] = []
        while text.count < 64, case let piece = try channel.receive(), !piece.isEmpty { text += piece }
        waitpid(process, nil, 0)
        return String(decoding: text.prefix(64), as: UTF8.self)
    }
}
