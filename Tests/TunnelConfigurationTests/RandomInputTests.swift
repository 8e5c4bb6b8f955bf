import PacketTunnelTestKit
import Testing

@testable import TunnelConfiguration

@Suite struct RandomInputTests {
    private static let pieces: [String] =
        KeywordTable.names
        + [
            " ", " ", "\n", "\n", "=", "\"", "'", "\\", "#", ",", "-", "+", "^", "/", ":", "[", "]", "@", "%", "%u",
            "*", "!", "default", "none",
            "any", "auto", "yes", "no", "0", "1", "8", "24", "104", "1280", "65535", "65536", "99999999999999999999",
            "10.0.0.0/8",
            "192.0.2.1", "2001:db8::/32", "::", "::ffff:192.0.2.1", "fe80::1", "1h30m", "4M", "\t", "\r", "ü",
            "\u{301}", "\0", "main.conf",
        ]

    @Test("no text made of words of the language brings the parser down", arguments: 0..<8)
    func words(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<150 {
            let count = Int.random(in: 0...40, using: &generator)
            let text = (0..<count).compactMap { _ in Self.pieces.randomElement(using: &generator) }.joined()
            check(text)
        }
    }

    @Test("no bytes at all bring the parser down", arguments: 0..<4)
    func bytes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed &+ 1000)
        for _ in 0..<300 {
            let count = Int.random(in: 0...200, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var reader = DirectiveReader(source: MemorySource(files: [:]))
            reader.readText(bytes, file: "random")
            #expect(reader.lines.count <= count + 1)
        }
    }

    @Test("a good file stays harmless with any bytes changed, cut or repeated", arguments: 0..<4)
    func mutations(seed: UInt64) {
        var generator = SeededGenerator(seed: seed &+ 2000)
        let good = Array(DaemonConfiguration().text.unicodeScalars)
        for _ in 0..<40 {
            var text = good
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                let index = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: text[index] = Unicode.Scalar(UInt8.random(in: 1...255, using: &generator))
                case 1: text.remove(at: index)
                default: text.insert(contentsOf: text[index..<min(index + 9, text.count)], at: index)
                }
            }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: text)
            check(String(view))
        }
    }

    /// What loads must survive its own text; what does not must say why.
    private func check(_ text: String) {
        switch Outcome(text) {
        case .loaded(let loaded):
            let again = Outcome(loaded.configuration.text)
            #expect(again.configuration == loaded.configuration, "\(text.debugDescription)")
        case .failed(let problems):
            #expect(!problems.isEmpty && problems.allSatisfy { !$0.reason.isEmpty }, "\(text.debugDescription)")
        }
    }
}
