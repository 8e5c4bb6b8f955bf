internal import CLinuxNetwork
internal import Glibc

/// The memory of changes that outlive this process, for the run after a killed one.
///
/// One line for each change, written before the change is made. The file is locked while its process lives, so a file
/// that can be locked is a left-over. The file's name holds the network namespace, because namespaces may share the
/// directory: each sees to its own files. Its first line holds the boot, with which all that it speaks of has vanished.
final class StateFile {
    /// The file's path.
    let path: String
    private let descriptor: Int32
    /// Where each line starts; the header's end is the first.
    private var offsets: [Int] = []
    private var length: Int

    /// Makes an empty file, and its directory where that is missing.
    ///
    /// - Throws: `alreadyRunning` if a living process holds it, `stateFile` if it cannot be written.
    init(directory: String, name: String) throws(NetworkSetupError) {
        path = "\(directory)/\(name)\(Self.suffix)"
        // The control socket lies there, too, and its users have to get to it. Each file has a mode of its own.
        _ = mkdir(directory, 0o711)
        guard let descriptor = try Self.openLocked(path, flags: O_CREAT) else {
            throw NetworkSetupError(
                .alreadyRunning,
                "another process uses \(path)",
                advice: "stop it first, or choose another interface name"
            )
        }
        self.descriptor = descriptor
        let header = Self.header
        length = header.utf8.count + 1
        guard Self.records(Self.lines(of: descriptor), under: header)?.isEmpty ?? true else {
            throw NetworkSetupError(
                .stateFile,
                "\(path) lists changes of a killed run that could not be taken back",
                advice: "take them back by hand and remove the file"
            )
        }
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, header + "\n", length, 0) == length else {
            throw Self.error(path, code: errno)
        }
    }

    deinit {
        // Closing alone would not do: a child process has the descriptor too until it has become its program.
        _ = flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Notes a change that is about to be made.
    func append(_ record: String) throws(NetworkSetupError) {
        let line = record + "\n"
        let count = line.utf8.count
        guard pwrite(descriptor, line, count, off_t(length)) == count else { throw Self.error(path, code: errno) }
        offsets.append(length)
        length += count
    }

    /// Forgets the last change, which was taken back.
    func removeLast() {
        guard let offset = offsets.popLast() else { return }
        length = offset
        _ = ftruncate(descriptor, off_t(offset))
    }

    /// Removes the file, when all changes were taken back.
    func remove() {
        unlink(path)
    }

    // MARK: Left-overs

    /// The state files of this network namespace, each with the interface that it is named after.
    static func paths(in directory: String) -> [(interface: String, path: String)] {
        directoryEntries(directory).filter { $0.hasSuffix(suffix) }.map {
            (String($0.dropLast(suffix.count)), "\(directory)/\($0)")
        }
    }

    /// The records of every file in `directory` that no living process holds. Those of another boot are removed
    /// unread, those of other network namespaces left alone. `body` returns false to keep the file for the next attempt.
    static func leftovers(in directory: String, _ body: ([String]) async -> Bool) async {
        for (_, path) in paths(in: directory) {
            guard let descriptor = try? openLocked(path, flags: 0) else { continue }
            defer { close(descriptor) }
            if let records = records(lines(of: descriptor), under: header) {
                guard await body(records) else { continue }
            }
            unlink(path)
        }
    }

    /// What follows the header; nil if that names another boot.
    private static func records(_ lines: [String], under header: String) -> [String]? {
        lines.first == header ? Array(lines.dropFirst()) : nil
    }

    private static func lines(of descriptor: Int32) -> [String] {
        var lines = text(of: descriptor).split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
        // What follows the last line end was cut off; its change was not made.
        lines.removeLast()
        return lines
    }

    private static func text(of descriptor: Int32) -> String {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += buffer[..<count]
        }
    }

    /// Opens and locks; nil if another process holds it.
    private static func openLocked(_ path: String, flags: Int32) throws(NetworkSetupError) -> Int32? {
        while true {
            let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0o600)
            guard descriptor >= 0 else { throw error(path, code: errno) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                close(descriptor)
                return nil
            }
            // Its last owner may have removed it between the two calls; then the lock protects nothing.
            var opened = stat()
            var named = stat()
            if fstat(descriptor, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino {
                return descriptor
            }
            close(descriptor)
        }
    }

    private static var header: String {
        "packet-tunnel-state 1 " + (Sysctl(path: "kernel/random/boot_id").read() ?? "unknown")
    }

    /// For example `.4026531840.state`.
    private static var suffix: String {
        var buffer = [CChar](repeating: 0, count: 64)
        // Reads `net:[4026531840]`.
        let count = readlink("/proc/thread-self/ns/net", &buffer, buffer.count)
        let digits = buffer.prefix(max(count, 0)).map { UInt8(truncatingIfNeeded: $0) }
            .filter { (48...57).contains($0) }
        return "." + String(decoding: digits, as: UTF8.self) + ".state"
    }

    private static func error(_ path: String, code: Int32) -> NetworkSetupError {
        NetworkSetupError(
            .stateFile,
            "cannot write \(path): \(NetworkSetupError.errorText(code))",
            advice: "run as root, or name a state directory that this user can write"
        )
    }
}
