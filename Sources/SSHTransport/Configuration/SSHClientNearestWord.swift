/// The known word that a misspelt one was probably meant to be.
enum NearestWord {
    /// The nearest of `words` by changed, added, missing and swapped letters, case aside; nil if none is near.
    static func to(_ word: String, in words: some Sequence<String>) -> String? {
        let wanted = Array(word.lowercased().utf8)
        let limit = max(1, wanted.count / 3)
        var best: (word: String, distance: Int)?
        for candidate in words {
            let distance = distance(wanted, Array(candidate.lowercased().utf8))
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.word
    }

    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast = [Int]()
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(last[column + 1], current[column]) + 1
                cost = min(cost, last[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
