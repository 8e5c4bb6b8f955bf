import Testing

/// `LoopBound` carries what belongs to a loop from thread to thread, and checks it. What is promised instead is counted.
@Suite("The rules of threads")
struct ThreadRuleTests {
    /// May go down.
    private static let mostPromises = 16
    private static let promise = "@unchecked " + "Sendable"

    @Test("classes that promise to keep them without a check are few, and each says on its line how")
    func promises() {
        let lines = SourceTree.swiftFiles.filter { $0.path.hasPrefix("Sources/") }.flatMap { file in
            file.lines.filter { $0.contains(Self.promise) }.map { (path: file.path, line: $0) }
        }
        #expect(lines.count <= Self.mostPromises)
        #expect(lines.filter { !$0.line.contains("  // ") }.map(\.path).sorted() == [])
    }
}
