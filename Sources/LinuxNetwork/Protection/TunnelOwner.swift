internal import CLinuxNetwork
internal import Glibc

/// A process that has set up an interface of this network namespace and lives.
public struct TunnelOwner: Hashable, Sendable {
    /// The interface's name.
    public let interface: String
    /// Its process identifier in this process's PID namespace.
    public let process: Int32
    /// The program's name, at most 15 bytes of it: `comm` of proc_pid_comm(5).
    public let program: String

    /// All of them, as their locks on state files tell.
    public static func all(_ options: NetworkSetupOptions) -> [TunnelOwner] {
        // `5: FLOCK  ADVISORY  WRITE 1234 00:2a:567 0 EOF`: the process, then device and inode. proc_locks(5).
        let locks = String(decoding: SmallFile.read("/proc/locks") ?? [], as: UTF8.self)
            .split(separator: "\n").map { $0.split(separator: " ") }.filter { $0.count >= 6 && $0[1] == "FLOCK" }
        return StateFile.paths(in: options.stateDirectory).compactMap { interface, path in
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            let end = ":\(status.st_ino)"
            let holder = locks.first { $0[5].hasSuffix(end) && device($0[5]) == status.st_dev }
            guard let process = holder.flatMap({ pid_t($0[4]) }), process > 0 else { return nil }
            let name = String(decoding: SmallFile.read("/proc/\(process)/comm") ?? [], as: UTF8.self)
            return TunnelOwner(interface: interface, process: process, program: String(name.prefix { $0 != "\n" }))
        }
    }

    /// Asks it to stop, or kills it.
    ///
    /// - Throws: `NetworkSetupError` of the kinds `notPermitted` and `system`. That it has ended is no error.
    public func stop(kills: Bool = false) throws(NetworkSetupError) {
        guard kill(process, kills ? SIGKILL : SIGTERM) != 0, errno != ESRCH else { return }
        throw .system("stop \(program), process \(process)", code: errno)
    }

    /// Two hexadecimal numbers, put together as glibc's `makedev` does.
    private static func device(_ text: Substring) -> dev_t? {
        let numbers = text.split(separator: ":").prefix(2).compactMap { dev_t($0, radix: 16) }
        guard numbers.count == 2 else { return nil }
        let (major, minor) = (numbers[0], numbers[1])
        return (major & 0xfff) << 8 | (major & ~0xfff) << 32 | (minor & 0xff) | (minor & ~0xff) << 12
    }
}
