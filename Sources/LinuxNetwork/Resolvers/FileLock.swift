internal import CLinuxNetwork
internal import Glibc

/// A lock on a file that ends with this object, or with the process.
final class FileLock {
    private let descriptor: Int32

    /// Opens and locks the file; nil if another process, or another object of this one, holds it.
    init?(_ path: String, flags: Int32 = 0) throws(NetworkSetupError) {
        descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0o600)
        guard descriptor >= 0 else {
            throw NetworkSetupError(
                .stateFile,
                "cannot open \(path): \(NetworkSetupError.errorText(errno))",
                advice: "run as root, or name a state directory that this user can write"
            )
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit {
        // Closing alone would not do: a child process has the descriptor too until it has become its program.
        _ = flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
