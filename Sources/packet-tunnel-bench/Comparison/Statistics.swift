internal import Glibc

/// Order statistics.
struct Statistics: Equatable {
    let median: Double
    let minimum: Double
    let maximum: Double

    /// The statistics of at least one sample; nil for none.
    init?(_ samples: [Double]) {
        let sorted = samples.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        minimum = first
        maximum = last
        median = Self.median(ofSorted: sorted)
    }

    /// The sample in the middle, or the mean of the two there.
    private static func median(ofSorted sorted: [Double]) -> Double {
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// The smallest sample that at least `fraction` of all samples do not exceed (nearest rank); NaN for no samples.
    static func quantile(_ fraction: Double, ofSorted sorted: [Double]) -> Double {
        guard !sorted.isEmpty else { return .nan }
        let rank = Int((fraction * Double(sorted.count)).rounded(.up))
        return sorted[min(max(rank, 1), sorted.count) - 1]
    }
}
