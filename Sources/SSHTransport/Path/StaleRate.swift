/// Finds that BBR has to look for the path's rate anew. A plain value.
///
/// BBR takes what was sent for what the path carries, unless the kernel notes that there was no more to send, which it does not beside
/// a loss. So beside a download the rate of the other direction shrinks to that of its acknowledgements, and an upload that
/// follows grows by a quarter in eight round trips: seconds where a start takes a few round trips.
struct StaleRate {
    /// Bytes that wait in the kernel while somebody sends as much as the connection takes: half of what always may.
    static let bulk = 32 << 10

    /// The greatest rate that BBR had with bulk to send since it started last; nil before the first bulk.
    private var greatest: UInt64?
    /// True from the first look at a bulk to its last.
    private var isDecided = false

    /// Takes the latest figures.
    ///
    /// - Returns: true if a bulk begins with less than half of the rate that BBR had, or with the first that BBR has not started for,
    ///   and no queue says that the path carries no more.
    mutating func next(_ figures: PathFigures, isQueueing: Bool) -> Bool {
        guard figures.unsent >= Self.bulk else {
            isDecided = false
            return false
        }
        // Without a loss the kernel's notes are right.
        let isLow = figures.sentAgain > 0 && (greatest.map { figures.rateOfBBR < $0 / 2 } ?? true)
        let isStale = isLow && !isDecided && !isQueueing && !figures.isBBRStarting
        isDecided = true
        greatest = isStale ? 0 : max(greatest ?? 0, figures.rateOfBBR)
        return isStale
    }
}
