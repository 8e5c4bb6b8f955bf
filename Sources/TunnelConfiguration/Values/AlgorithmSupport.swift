internal import OpenSSHSyntax

/// Which algorithms the SSH library at hand can do. The package works with several versions of it.
public struct AlgorithmSupport: Sendable {
    /// What problems call the library, with its version.
    public let library: String
    /// Whether it can do the algorithm of that name.
    public let knows: @Sendable (AlgorithmKind, String) -> Bool

    /// A library that does what `knows` says.
    public init(library: String, knows: @escaping @Sendable (AlgorithmKind, String) -> Bool) {
        self.library = library
        self.knows = knows
    }

    /// Every algorithm that some version has: for a check of texts where no library is.
    public static let everything = AlgorithmSupport(library: "the SSH library") { $0.known.contains($1) }
}

extension DaemonConfiguration {
    private static let algorithmLists:
        [(AlgorithmKind, any WritableKeyPath<DaemonConfiguration, [String]> & Sendable)] = [
            (.cipher, \.ciphers), (.mac, \.macs), (.keyExchange, \.keyExchanges),
        ]

    /// What is wrong with the list of a keyword: a name that no version of the library has, or nothing that this one has.
    /// Nil for keywords of other kinds.
    func algorithmProblem(_ keyword: String, _ support: AlgorithmSupport) -> ValueProblem? {
        guard let (kind, path) = Self.algorithmLists.first(where: { $0.0.keyword == keyword }) else { return nil }
        let names = self[keyPath: path]
        if let wrong = names.first(where: { !kind.known.contains($0) && !support.knows(kind, $0) }) {
            return ValueProblem(
                "\"\(wrong)\" is not an algorithm that \(support.library) offers",
                hint: NearestWord.hint(wrong, among: kind.known) ?? "known are \(kind.known.joined(separator: ", "))"
            )
        }
        guard names.contains(where: { support.knows(kind, $0) }) else {
            return ValueProblem("\(support.library) offers nothing of \(names.joined(separator: ","))")
        }
        return nil
    }

    /// Leaves out what this version of the library does not have.
    ///
    /// - Returns: what was left out, by keyword.
    mutating func keepAlgorithms(_ support: AlgorithmSupport) -> [(keyword: String, names: [String])] {
        Self.algorithmLists.compactMap { kind, path in
            let unknown = self[keyPath: path].filter { !support.knows(kind, $0) }
            self[keyPath: path].removeAll { unknown.contains($0) }
            return unknown.isEmpty ? nil : (kind.keyword, unknown)
        }
    }
}
