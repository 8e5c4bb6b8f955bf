import Foundation
import Testing

/// The limits of `.github/CONTRIBUTING.md` that a machine can hold a tree to.
@Suite("The layout of the sources")
struct LayoutTests {
    private static let filesInFolder = 20, linesInFile = 300, medianLines = 80, linesInFunction = 40
    /// A test is a story, and may be told in one.
    private static let linesInTest = 60
    private static let files = SourceTree.swiftFiles
    /// Entry points and manifests have the names that the tools want.
    private static let fixedNames = ["main.swift", "Package.swift"]

    @Test("no folder has more files than can be taken in at once")
    func folders() {
        let counts = Dictionary(grouping: SourceTree.paths) {
            $0.split(separator: "/").dropLast().joined(separator: "/")
        }
        let crowded = counts.filter { $0.value.count > Self.filesInFolder }.map { "\($0.key): \($0.value.count)" }
        #expect(counts.count > 30)
        #expect(crowded.sorted() == [])
    }

    @Test("a file is named after a type or a function that it holds")
    func names() {
        let misnamed = Self.files.filter { file in
            guard !Self.fixedNames.contains(file.name) else { return false }
            let name = file.name.dropLast(".swift".count).split(separator: "+").first.map(String.init) ?? ""
            return !file.declares(type: name)
                && !file.declares(function: name.prefix(1).lowercased() + name.dropFirst())
        }
        #expect(misnamed.map(\.path).sorted() == [])
    }

    @Test("no file is longer than a few screens, and the median of the sources is one")
    func lengths() {
        let lengths = Self.files.map { (path: $0.path, lines: $0.lines.count - 1) }
        #expect(lengths.filter { $0.lines > Self.linesInFile }.map { "\($0.path): \($0.lines)" }.sorted() == [])
        let sources = lengths.filter { $0.path.hasPrefix("Sources/") }.map(\.lines).sorted()
        #expect(sources[sources.count / 2] <= Self.medianLines)
    }

    @Test("a function fits one screen")
    func functions() {
        let long = Self.files.flatMap { file in
            let most = file.path.hasPrefix("Sources/") ? Self.linesInFunction : Self.linesInTest
            return file.functions.filter { $0.lines > most }.map { "\(file.path):\($0.start): \($0.lines)" }
        }
        #expect(long.sorted() == [])
    }

    /// Such a reference stops the program when its object goes first, as it does at the end of a test, a device or a connection.
    @Test("no reference is unowned")
    func references() {
        let unowned = Self.files.filter { file in
            let mark = "unowned"
            return file.path.hasPrefix("Sources/")
                && file.lines.contains { $0.contains("[\(mark) ") || $0.contains(" \(mark) ") }
        }
        #expect(unowned.map(\.path).sorted() == [])
    }
}
