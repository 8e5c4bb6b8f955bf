import OpenSSHSyntax
import Testing

@Suite struct WildcardTests {
    @Test(
        "matches patterns as ssh_config(5) does",
        arguments: [
            ("alice", "alice", true), ("alice", "al*", true), ("alice", "*ce", true), ("alice", "a?ice", true),
            ("alice", "a?ce", false), ("alice", "*", true), ("alice", "", false), ("", "*", true),
            ("aaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*c", false), ("ab", "a*b*", true), ("alicex", "alice", false),
        ]
    )
    func patterns(text: String, pattern: String, isMatch: Bool) {
        #expect(Wildcard.matches(pattern, text) == isMatch)
    }
}
