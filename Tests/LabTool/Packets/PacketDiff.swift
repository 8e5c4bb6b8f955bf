internal import IPPacket

/// One packet before and after it was rewritten.
struct PacketDiff {
    let before: CapturedPacket
    let after: CapturedPacket

    private static let bytesInRow = 16

    /// The routes, the bytes in rows with the changed ones marked, and the fields that changed.
    var lines: [String] {
        ["client's tun   \(before.route)", "server's tun   \(after.route)"] + rows + [changes]
    }

    /// What does not hold of a rewrite; empty if all does.
    var problems: [String] {
        let claims: [(holds: Bool, problem: String)] = [
            (before.hasRightChecksums, "before: a checksum is wrong"),
            (after.hasRightChecksums, "after: a checksum is wrong"),
            (before.payload.elementsEqual(after.payload), "the payload was changed"),
            (before.summary.source != after.summary.source, "the source address was not rewritten"),
            (before.summary.destination == after.summary.destination, "the destination address was changed"),
        ]
        return claims.filter { !$0.holds }.map(\.problem)
    }

    private var rows: [String] {
        let length = max(before.bytes.count, after.bytes.count)
        return stride(from: 0, to: length, by: Self.bytesInRow).flatMap { start in
            let old = before.bytes.dropFirst(start).prefix(Self.bytesInRow)
            let new = after.bytes.dropFirst(start).prefix(Self.bytesInRow)
            let digits = String(start, radix: 16)
            let offset = String(repeating: "0", count: 4 - digits.count) + digits
            let text = Hexadecimal.text(old, separator: " ")
            guard !old.elementsEqual(new) else { return ["\(offset)  both    \(text)"] }
            let marks = zip(old, new).map { $0 == $1 ? "  " : "^^" }.joined(separator: " ")
            return [
                "\(offset)  before  \(text)", "      after   \(Hexadecimal.text(new, separator: " "))",
                "              \(marks)",
            ]
        }
    }

    private var changes: String {
        var names: [String] = []
        for offset in 0..<min(before.bytes.count, after.bytes.count) where before.bytes[offset] != after.bytes[offset] {
            let name = before.field(at: offset)
            if !names.contains(name) { names.append(name) }
        }
        return "changed: " + (names.isEmpty ? "nothing" : names.joined(separator: ", "))
    }
}
