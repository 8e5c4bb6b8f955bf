internal import Glibc
internal import Logging

/// What is done under the store's lock.
extension ResolverStore {
    /// Makes programs read what the newest living tunnel wants, or what was there before all of them.
    ///
    /// A file that another program has written since is what "before" means from then on; it is left alone when no
    /// tunnel wants anything else.
    ///
    /// - Returns: whether it was written anew over another program's text.
    @discardableResult
    func apply() async throws(NetworkSetupError) -> Bool {
        let wanted = entries().last { $0.isAlive && $0.entry.text != nil }?.entry.text
        let old = before()
        guard let wanted else {
            if let old { try await file.restore(old.snapshot, isReplaced: old.isReplaced) }
            forget()
            return false
        }
        let now = file.snapshot
        let bytes = Array(wanted.utf8)
        if old != nil, now.bytes == bytes { return false }
        let (snapshot, isReplaced) = old ?? (now, file.isReplaceable)
        try save(snapshot, after: bytes, isReplaced: isReplaced)
        try await file.put(bytes, over: now.form, replaces: isReplaced)
        return old == nil
    }

    /// Undoes what tunnels have left whose processes are gone.
    func reclaim(_ options: NetworkSetupOptions) async throws(NetworkSetupError) {
        let dead = entries().filter { !$0.isAlive }.map(\.entry)
        for entry in dead { try await remove(entry, options) }
        let old = before()
        try await apply()
        guard !dead.isEmpty, let old else { return }
        options.logger.notice(
            "brought back the resolvers that a killed client had replaced",
            metadata: [
                "file": "\(file.path)",
                "resolvers": .array(ResolverText.nameservers(in: old.snapshot.text).map { "\($0)" }),
            ]
        )
    }

    /// Ends a tunnel's part.
    func remove(_ entry: Entry, _ options: NetworkSetupOptions) async throws(NetworkSetupError) {
        if let record = entry.record { try await ResolvconfCommand(runner: options.runner).remove(record: record) }
        unlink(entry.path)
    }
}
