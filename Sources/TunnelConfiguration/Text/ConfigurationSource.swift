internal import Glibc

/// Where configuration files come from: the disk, or a test's memory. Used by one caller at a time.
protocol ConfigurationSource {
    /// The bytes of a file.
    ///
    /// - Throws: why the file cannot be read.
    func contents(of path: String) throws(ConfigurationReadError) -> [UInt8]
    /// The files that match a shell pattern, sorted; empty if none does.
    func paths(matching pattern: String) -> [String]
}

/// Why a configuration file cannot be read.
struct ConfigurationReadError: Error, Hashable {
    var reason: String
    var hint: String?
}

/// The files of this host.
struct DiskSource: ConfigurationSource {
    /// Nobody writes a megabyte of settings by hand: what is longer is the wrong file, a log or a device.
    static let longestFile = 1 << 20
    /// For a pipe to give all that it has: whoever reloads the configuration must not wait for ever.
    var patience = Duration.seconds(5)

    func contents(of path: String) throws(ConfigurationReadError) -> [UInt8] {
        // Non-blocking: to open a pipe that nobody writes to would wait.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else {
            let error = errno
            throw ConfigurationReadError(reason: "cannot be opened: \(Self.message(error))", hint: Self.hint(error))
        }
        defer { close(descriptor) }
        let deadline = ContinuousClock.now + patience
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            try wait(for: descriptor, until: deadline)
            let count = read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0 {
                let error = errno
                if error == EINTR || error == EAGAIN { continue }
                throw ConfigurationReadError(reason: "cannot be read: \(Self.message(error))")
            }
            bytes += chunk[..<count]
            guard bytes.count <= Self.longestFile else {
                throw ConfigurationReadError(reason: "is longer than \(Self.longestFile) bytes")
            }
        }
    }

    /// A file is readable at once; a pipe when it has something, or when its last writer has closed it.
    private func wait(
        for descriptor: Int32,
        until deadline: ContinuousClock.Instant
    ) throws(ConfigurationReadError) {
        let left = max(Duration.zero, deadline - ContinuousClock.now).components
        let milliseconds: Int64 = left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, Int32(milliseconds)) == 0 else { return }
        throw ConfigurationReadError(reason: "is a pipe that has not come to its end within \(patience)")
    }

    func paths(matching pattern: String) -> [String] {
        var matches = glob_t()
        defer { globfree(&matches) }
        guard glob(pattern, 0, nil, &matches) == 0, let list = matches.gl_pathv else { return [] }
        return (0..<Int(matches.gl_pathc)).compactMap { index in list[index].map { String(cString: $0) } }
    }

    private static func message(_ error: Int32) -> String {
        String(cString: strerror(error))
    }

    private static func hint(_ error: Int32) -> String? {
        switch error {
        case ENOENT: "name the file with -f"
        case EACCES: "read it as the user who owns it"
        default: nil
        }
    }
}
