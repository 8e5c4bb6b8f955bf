import Testing

@testable import TunnelConfiguration

@Suite("The page on security") struct SecurityPageTests {
    @Test("every keyword that bounds what a peer can take is in the table of limits")
    func limits() throws {
        let text = try Package.text(".github/SECURITY.md")
        let words = ["Max", "Limit", "Penalties", "Expiry", "GraceTime", "NetBlockSize", "Alive"]
        let limits = KeywordTable.keywords.map(\.name).filter { name in words.contains { name.contains($0) } }
        #expect(limits.count >= 13)
        #expect(limits.filter { !text.contains("`\($0)`") } == [])
    }
}
