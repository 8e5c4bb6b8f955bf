internal import OpenSSHSyntax

extension ValueSyntax where Value == SourcePenalties? {
    /// `no`, `yes`, or the penalties that differ from the default, each a word.
    static var sourcePenalties: ValueSyntax {
        ValueSyntax(
            synopsis: "no|yes|NAME:VALUE...",
            parse: { (words) throws(WordProblem) in
                if words.count == 1 {
                    switch words[0].text.lowercased() {
                    case "no", "none": return nil
                    case "yes": return SourcePenalties()
                    default: break
                    }
                }
                var penalties = SourcePenalties()
                for word in words {
                    do throws(ValueProblem) {
                        try penalties.set(word.text)
                    } catch {
                        throw WordProblem(error, column: word.column)
                    }
                }
                return penalties
            },
            text: { $0?.description ?? "no" }
        )
    }
}
