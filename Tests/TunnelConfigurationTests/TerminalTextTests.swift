import Foundation
import Testing

@testable import TunnelConfiguration

@Suite("Text of strangers")
struct TerminalTextTests {
    @Test(
        "controls of both sets, bidirectional marks and separators are written out",
        arguments: [
            ("\u{1b}[2J", "\\u001b[2J"), ("a\rb", "a\\u000db"), ("\u{9b}1m", "\\u009b1m"),
            ("\u{202e}txt", "\\u202etxt"),
            ("\u{2066}\u{2069}", "\\u2066\\u2069"), ("\u{2028}", "\\u2028"), ("\u{feff}", "\\ufeff"),
            ("\u{e0041}", "\\udb40\\udc41"), ("\u{7f}\u{0}", "\\u007f\\u0000"),
        ]
    )
    func escapes(_ text: String, _ expected: String) {
        #expect(TerminalText.escaped(text) == expected)
    }

    @Test("what a person reads stays as it is", arguments: ["plain", "two\nlines\tand a tab", "ключ 鍵 🔑 é"])
    func stays(_ text: String) {
        #expect(TerminalText.escaped(text) == text)
    }

    @Test("a JSON string means the same afterwards")
    func json() throws {
        let text = TerminalText.escaped("[\"a\u{202e}b\u{9b}\"]")
        #expect(try JSONDecoder().decode([String].self, from: Data(text.utf8)) == ["a\u{202e}b\u{9b}"])
    }
}
