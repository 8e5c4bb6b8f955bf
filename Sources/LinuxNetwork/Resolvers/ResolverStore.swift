internal import CLinuxNetwork
internal import Glibc

/// What has to be known to take our resolvers back, kept where it outlives the process and the boot.
///
/// One directory for each `/etc/resolv.conf`, shared by all tunnels of the host: `state` and `before` say what was there
/// first, `after` what we wrote last; it is ours only as long as it still reads so. Each tunnel has a file of its own,
/// `tunnel-NUMBER`, which it keeps locked while it lives: its resolvconf record, and the text that it wants to be read.
/// Everything happens under `lock`.
struct ResolverStore {
    /// A tunnel's part.
    struct Entry {
        let path: String
        /// The name of its record in resolvconf; nil if it has none.
        var record: String?
        /// What it wants programs to read; nil if it does not write the file.
        var text: String?
    }

    let directory: String
    let file: ResolverFile

    init(_ options: NetworkSetupOptions) {
        file = ResolverFile(options)
        directory = "\(options.persistentDirectory)/resolvers-\(file.place)"
    }

    /// Whether anything is noted here.
    var exists: Bool { access(directory, F_OK) == 0 }

    /// Waits until no other process changes the store, and keeps them out until the lock is let go.
    func lock() async throws(NetworkSetupError) -> FileLock {
        try makeDirectory(directory[...])
        for _ in 0..<500 {
            if let lock = try FileLock("\(directory)/lock", flags: O_CREAT) { return lock }
            try? await Task.sleep(for: .milliseconds(20))
        }
        throw NetworkSetupError(
            .alreadyRunning,
            "another process has held \(directory)/lock for 10 s",
            advice: "see what it is with `fuser \(directory)/lock`"
        )
    }

    private func makeDirectory(_ path: Substring) throws(NetworkSetupError) {
        guard mkdir(String(path), 0o755) != 0, errno != EEXIST else { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/") else { throw error(String(path), errno) }
        try makeDirectory(path[..<slash])
        guard mkdir(String(path), 0o755) == 0 || errno == EEXIST else { throw error(String(path), errno) }
    }

    // MARK: Tunnels

    /// A new tunnel's part, which counts as living until its lock is let go.
    func add(record: String?, text: String?) throws(NetworkSetupError) -> (entry: Entry, lock: FileLock) {
        let number = (names().compactMap { Int($0.dropFirst(7)) }.max() ?? 0) + 1
        let entry = Entry(path: "\(directory)/tunnel-\(number)", record: record, text: text)
        try write(entry.path, Array("\(record ?? "-")\n\(text ?? "")".utf8))
        guard let lock = try FileLock(entry.path) else { throw error(entry.path, EBUSY) }
        return (entry, lock)
    }

    /// All tunnels' parts in the order of their starts, and whether their processes live.
    func entries() -> [(entry: Entry, isAlive: Bool)] {
        names().sorted { Int($0.dropFirst(7)) ?? 0 < Int($1.dropFirst(7)) ?? 0 }.compactMap { name in
            let path = "\(directory)/\(name)"
            guard let bytes = SmallFile.read(path) else { return nil }
            let parts = String(decoding: bytes, as: UTF8.self)
                .split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            let text = parts.count > 1 && !parts[1].isEmpty ? String(parts[1]) : nil
            let entry = Entry(path: path, record: parts[0] == "-" ? nil : String(parts[0]), text: text)
            let lock = try? FileLock(path)
            return (entry, lock == nil)
        }
    }

    private func names() -> [String] {
        directoryEntries(directory).filter { $0.hasPrefix("tunnel-") && Int($0.dropFirst(7)) != nil }
    }

    // MARK: The file

    /// What was there before us, while the file is still as we left it.
    func before() -> (snapshot: ResolverFile.Snapshot, isReplaced: Bool)? {
        guard let line = SmallFile.read("\(directory)/state"), let after = SmallFile.read("\(directory)/after"),
            let state = SavedForm(text: String(decoding: line, as: UTF8.self))
        else { return nil }
        let current = file.snapshot
        if state.isReplaced, case .link = current.form { return nil }
        // A process that dies while it writes through leaves the beginning.
        guard let bytes = current.bytes, state.isReplaced ? bytes == after : after.starts(with: bytes) else {
            return nil
        }
        let kept = state.hasBytes ? SmallFile.read("\(directory)/before") : nil
        guard !state.hasBytes || kept != nil else { return nil }
        return (ResolverFile.Snapshot(form: state.form, bytes: kept), state.isReplaced)
    }

    /// Notes what is there and what is about to be written over it.
    func save(_ snapshot: ResolverFile.Snapshot, after: [UInt8], isReplaced: Bool) throws(NetworkSetupError) {
        unlink("\(directory)/state")
        if let bytes = snapshot.bytes { try write("\(directory)/before", bytes) }
        try write("\(directory)/after", after)
        let state = SavedForm(form: snapshot.form, hasBytes: snapshot.bytes != nil, isReplaced: isReplaced)
        try write("\(directory)/state", Array(state.text.utf8))
    }

    /// Nothing of ours is in the file any more.
    func forget() {
        for name in ["state", "before", "after"] { unlink("\(directory)/\(name)") }
    }

    private func write(_ path: String, _ bytes: [UInt8]) throws(NetworkSetupError) {
        let code = SmallFile.replace(path, bytes)
        guard code == 0 else { throw error(path, code) }
    }

    private func error(_ path: String, _ code: Int32) -> NetworkSetupError {
        NetworkSetupError(
            .stateFile,
            "cannot write \(path): \(NetworkSetupError.errorText(code))",
            advice: "run as root; what was in \(file.path) has to be kept there"
        )
    }
}

/// The one line of `state`.
private struct SavedForm {
    var form: ResolverFile.Form
    var hasBytes: Bool
    var isReplaced: Bool

    init(form: ResolverFile.Form, hasBytes: Bool, isReplaced: Bool) {
        self.form = form
        self.hasBytes = hasBytes
        self.isReplaced = isReplaced
    }

    init?(text: String) {
        let words = text.split(separator: "\n").first?.split(separator: " ", maxSplits: 4) ?? []
        guard words.count >= 4, words[0] == "packet-tunnel-resolvers-1" else { return nil }
        isReplaced = words[1] == "replaced"
        hasBytes = words[2] == "bytes"
        switch (words[3], words.count) {
        case ("missing", 4): form = .missing
        case ("link", 5): form = .link(target: String(words[4]))
        case ("file", 5):
            let numbers = words[4].split(separator: " ").compactMap { UInt32($0) }
            guard numbers.count == 3 else { return nil }
            form = .file(mode: numbers[0], owner: numbers[1], group: numbers[2])
        default: return nil
        }
    }

    var text: String {
        let rest =
            switch form {
            case .missing: "missing"
            case .link(let target): "link \(target)"
            case .file(let mode, let owner, let group): "file \(mode) \(owner) \(group)"
            }
        let words = ["packet-tunnel-resolvers-1", isReplaced ? "replaced" : "through", hasBytes ? "bytes" : "nothing"]
        return (words + [rest]).joined(separator: " ") + "\n"
    }
}
