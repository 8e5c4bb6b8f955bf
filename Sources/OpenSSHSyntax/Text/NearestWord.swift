/// Guesses what a person meant by a word that does not exist.
public enum NearestWord {
    /// Longer words are not compared: no keyword is nearly that long, and the cost grows with the product of lengths.
    private static let longest = 64

    /// The candidate that is fewest edits away, if that is close enough to be a slip; upper and lower case are the same.
    public static func to(_ word: String, among candidates: some Sequence<String>) -> String? {
        guard (2...longest).contains(word.utf8.count) else { return nil }
        let typed = Array(word.lowercased().utf8)
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let bound = best?.distance ?? max(3, typed.count / 3 + 1)
            // Each letter more or less is an edit, so that most candidates need no closer look.
            guard abs(candidate.utf8.count - typed.count) < bound else { continue }
            let distance = editDistance(typed, Array(candidate.lowercased().utf8))
            if distance < bound { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// `did you mean X?` for the nearest candidate, if one is near.
    public static func hint(_ word: String, among candidates: some Sequence<String>) -> String? {
        to(word, among: candidates).map { "did you mean \($0)?" }
    }

    /// Insertions, deletions, replacements and swaps of neighbours: the slips of a typing hand.
    static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforePrevious = [Int](repeating: 0, count: right.count + 1)
        var previous = Array(0...right.count)
        var current = beforePrevious
        for row in left.indices {
            current[0] = row + 1
            for column in right.indices {
                let replaced = previous[column] + (left[row] == right[column] ? 0 : 1)
                var distance = min(previous[column + 1] + 1, current[column] + 1, replaced)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    distance = min(distance, beforePrevious[column - 1] + 1)
                }
                current[column + 1] = distance
            }
            (beforePrevious, previous, current) = (previous, current, beforePrevious)
        }
        return previous[right.count]
    }
}
