internal import Glibc

/// The file that has the process number, for programs that send signals (`PidFile`).
struct PidFile {
    private let path: String

    /// Writes the file, in the place of one that a killed process has left.
    ///
    /// - Throws: `PidFileError`.
    init(_ path: String) throws(PidFileError) {
        self.path = path
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw PidFileError(path: path, code: errno) }
        let text = Array("\(getpid())\n".utf8)
        errno = ENOSPC
        let isWritten = write(descriptor, text, text.count) == text.count
        let code = errno
        // The mode that is wanted, whatever the mask of the process.
        fchmod(descriptor, 0o644)
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            let failure = isWritten ? errno : code
            unlink(temporary)
            throw PidFileError(path: path, code: failure)
        }
    }

    /// Removes the file.
    func remove() { unlink(path) }
}

/// The file cannot be written.
struct PidFileError: Error, CustomStringConvertible {
    let path: String
    let code: Int32

    var description: String { "PidFile \(path) cannot be written: \(String(cString: strerror(code)))" }
}
