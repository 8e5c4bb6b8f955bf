import Foundation
import Testing

/// "How it is built" in the README, beside Package.swift.
@Suite("The picture of the modules")
struct ModulePictureTests {
    /// The rows of the picture, the highest first.
    private static func rows() throws -> [[String]] {
        let sections = try SourceTree.text("README.md").components(separatedBy: "\n## ")
        let section = try #require(sections.first { $0.hasPrefix("How it is built\n") })
        let lines = section.split(separator: "\n").drop { !$0.hasPrefix("    ") }.prefix { $0.hasPrefix("    ") }
        let module = try Regex("(?:[A-Z][A-Za-z]+[A-Z][A-Za-z]+|packet-tunnel[a-z-]*)")
        return lines.map { line in line.matches(of: module).map { String($0.output[0].substring ?? "") } }
    }

    /// The targets of Package.swift that lie in Sources and are not C, and what each of them depends on.
    private static func targets() throws -> [String: Set<String>] {
        let text = try SourceTree.text("Package.swift")
        let head = try Regex("\\.(?:target|executableTarget)\\(\\s*name: \"([^\"]+)\"")
        let heads = text.matches(of: head)
        var targets: [String: Set<String>] = [:]
        for (index, match) in heads.enumerated() {
            let name = String(match.output[1].substring ?? "")
            let end = index + 1 < heads.count ? heads[index + 1].range.lowerBound : text.endIndex
            let body = text[match.range.upperBound..<end].components(separatedBy: ".testTarget(")[0]
            guard !body.contains("path:") else { continue }
            targets[name] = Set(
                body.matches(of: try Regex("\"([^\"]+)\"")).map { String($0.output[1].substring ?? "") }
            )
        }
        let names = Set(targets.keys)
        return targets.filter { $0.key.wholeMatch(of: /C[A-Z].*/) == nil }.mapValues {
            $0.intersection(names).filter { $0.wholeMatch(of: /C[A-Z].*/) == nil }
        }
    }

    @Test("the picture has every module, each once")
    func modules() throws {
        #expect(try Self.rows().flatMap { $0 }.sorted() == Self.targets().keys.sorted())
    }

    @Test("every dependency points to a lower row")
    func arrows() throws {
        let rows = try Self.rows()
        var heights: [String: Int] = [:]
        for (depth, row) in rows.enumerated() { for name in row { heights[name] = -depth } }
        let wrong = try Self.targets().flatMap { name, dependencies in
            dependencies.filter { heights[$0, default: 0] >= heights[name, default: 0] }.map { "\(name) -> \($0)" }
        }
        #expect(wrong.sorted() == [])
    }
}
