/// A Swift file of the tree, read by its words and by its indentation, as the formatter leaves it.
struct SourceFile {
    /// From the root.
    let path: String
    let lines: [Substring]
    private let bytes: [UInt8]

    private static let kinds = ["struct", "class", "enum", "protocol", "actor", "extension", "typealias"].map {
        $0.utf8
    }

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        bytes = Array(text.utf8)
    }

    var name: String { String(path.split(separator: "/").last ?? "") }

    /// True if a type, or an extension of one, has this in its name, as `PathWatch` is in `PathWatch.Notice`.
    func declares(type name: String) -> Bool {
        hasPair { kind, word in
            Self.kinds.contains { $0.elementsEqual(kind) }
                && word.split(separator: UInt8(ascii: ".")).contains { $0.elementsEqual(name.utf8) }
        }
    }

    func declares(function name: String) -> Bool {
        hasPair { $0.elementsEqual("func".utf8) && $1.elementsEqual(name.utf8) }
    }

    private func hasPair(_ isMatch: (ArraySlice<UInt8>, ArraySlice<UInt8>) -> Bool) -> Bool {
        let words = bytes.split(whereSeparator: { !Self.isPartOfName($0) })
        return zip(words, words.dropFirst()).contains(where: isMatch)
    }

    private static func isPartOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// Every function with a body: the number of its first line, and how many it has.
    var functions: [(start: Int, lines: Int)] {
        lines.indices.compactMap { index in
            let line = lines[index]
            let last = line.utf8.last
            guard last == UInt8(ascii: "{") || last == UInt8(ascii: "("), Self.beginsFunction(line) else { return nil }
            let indentation = String(line.prefix { $0 == " " })
            let rest = lines[(index + 1)...]
            // A signature of several lines ends with its parenthesis below its beginning.
            let head = line.hasSuffix("(") ? rest.first { $0.hasPrefix(indentation + ")") } : line
            guard head?.hasSuffix("{") == true, let end = rest.firstIndex(where: { $0 == indentation + "}" }) else {
                return nil
            }
            return (index + 1, end - index + 1)
        }
    }

    private static func beginsFunction(_ line: Substring) -> Bool {
        let text = line.drop { $0 == " " }
        guard !text.hasPrefix("//"), let parenthesis = text.firstIndex(of: "(") else { return false }
        let words = text[..<parenthesis].split(separator: " ")
        return words.contains("func") || words.last?.hasPrefix("init") == true
    }
}
