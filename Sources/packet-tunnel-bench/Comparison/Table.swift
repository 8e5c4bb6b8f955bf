/// The report for a terminal: a table for each metric, a row for each peer.
extension Report {
    var table: String {
        let head =
            "\(machine.processors) × \(machine.processor), Linux \(machine.kernel), load \(machine.loadBefore.compact) before, \(date)\n"
            + "\(settings.rounds) interleaved rounds of \(settings.seconds.compact) s; "
            + "round trips over \(settings.roundTripsOver), a lost one counts as 1000 ms; "
            + "paced stream \(settings.pacedStream.compact) Mbit/s"
            + (settings.streams == 1 ? "" : "; \(settings.streams) TCP streams") + "; \(settings.family)"
            + (settings.path.isEmpty ? "\n" : "; path \(settings.path)\n")
            + "A column of one of ours says how many times better that one is than the row's peer (medians)."
        let names = Peer.allCases.compactMap { peer in versions[peer].map { "  \(peer.rawValue): \($0)" } }
        let ours = Peer.allCases.filter { peer in
            peer.isOurs && comparisons.contains { $0.peers.contains { $0.peer == peer } }
        }
        let tables = comparisons.map { $0.table(ours: ours) }
        let notes = remarks.isEmpty ? [] : [(["Remarks:"] + remarks.map { "  \($0)" }).joined(separator: "\n")]
        return ([([head] + names).joined(separator: "\n")] + tables + notes).joined(separator: "\n\n")
    }
}

extension Report.Comparison {
    fileprivate func table(ours: [Peer]) -> String {
        var lines = ["\(title) (\(unit), \(moreIsBetter ? "more" : "less") is better)"]
        lines.append(Self.row("peer", ["median", "minimum", "maximum"] + ours.map(\.rawValue)))
        for entry in peers {
            let numbers = [entry.median, entry.minimum, entry.maximum].map(\.compact)
            let ratios = ours.map { entry.timesBetter[$0].map { "\($0.compact)×" } ?? "" }
            lines.append(Self.row(entry.peer.rawValue, numbers + ratios))
        }
        return lines.joined(separator: "\n")
    }

    private static func row(_ first: String, _ cells: [String]) -> String {
        let padded = cells.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }
        let line = "  " + first + String(repeating: " ", count: max(1, 14 - first.count)) + padded.joined()
        return String(line.reversed().drop { $0 == " " }.reversed())
    }
}

extension Double {
    /// Three significant digits or all digits before the point, whichever is more.
    var compact: String {
        guard isFinite else { return "-" }
        let size = magnitude
        let places = size >= 99.5 || size == 0 ? 0 : size >= 9.95 ? 1 : size >= 0.995 ? 2 : 3
        let scale = [1.0, 10, 100, 1_000][places]
        let scaled = Int((size * scale).rounded())
        let sign = self < 0 ? "-" : ""
        guard places > 0 else { return "\(sign)\(scaled)" }
        let digits = String(repeating: "0", count: max(0, places + 1 - "\(scaled)".count)) + "\(scaled)"
        return "\(sign)\(digits.dropLast(places)).\(digits.suffix(places))"
    }
}
