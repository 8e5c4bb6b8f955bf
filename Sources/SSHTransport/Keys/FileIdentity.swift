internal import Glibc

/// What tells a file from another, and from itself after a change.
struct FileIdentity: Hashable, Sendable {
    private let device: dev_t
    private let number: ino_t
    private let size: off_t
    private let seconds: [Int]
    private let nanoseconds: [Int]

    /// nil for a file that was changed within the last two seconds: kernels keep times of some milliseconds, file servers of a
    /// second, and a change right after this one might not show.
    init?(_ status: stat) {
        let now = time(nil)
        guard status.st_ctim.tv_sec < now - 2, status.st_mtim.tv_sec < now - 2 else { return nil }
        device = status.st_dev
        number = status.st_ino
        size = status.st_size
        seconds = [status.st_ctim.tv_sec, status.st_mtim.tv_sec]
        nanoseconds = [status.st_ctim.tv_nsec, status.st_mtim.tv_nsec]
    }
}
