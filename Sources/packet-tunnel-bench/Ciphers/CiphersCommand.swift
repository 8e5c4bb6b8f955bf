internal import ArgumentParser

/// `packet-tunnel-bench ciphers`
struct CiphersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ciphers",
        abstract: "Measures one SSH channel over loopback with each cipher.",
        discussion: "Both ends are in this process, with a thread each; the processor time is that of both."
    )

    @Option(help: "How often each cipher is measured, in turn.")
    var rounds = 5

    @Option(help: "Length of each measurement.")
    var seconds = 1.0

    @Option(
        help: ArgumentHelp("The ciphers to measure, with commas between.", valueName: "list"),
        transform: { $0.split(separator: ",").map(String.init) }
    )
    var ciphers = [
        "aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr", "aes256-ctr",
    ]

    func validate() throws {
        guard rounds >= 1, seconds > 0 else { throw ValidationError("at least one round, and some time") }
    }

    func run() throws {
        var results: [String: [CipherChannel.Result]] = [:]
        for round in 1...rounds {
            for cipher in ciphers {
                TunnelsCommand.say("round \(round) of \(rounds): \(cipher)")
                results[cipher, default: []].append(try CipherChannel.measure(cipher, seconds: seconds))
            }
        }
        print(Self.row("one channel over loopback", ["Mbit/s", "minimum", "maximum", "CPU-s/GB"]))
        for cipher in ciphers {
            guard let rate = Statistics(results[cipher, default: []].map(\.megabitsPerSecond)),
                let cost = Statistics(results[cipher, default: []].map(\.processorSecondsPerGigabyte))
            else { continue }
            print(Self.row(cipher, [rate.median, rate.minimum, rate.maximum, cost.median].map(\.compact)))
        }
    }

    private static func row(_ name: String, _ cells: [String]) -> String {
        let padded = cells.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }
        return "  " + name + String(repeating: " ", count: max(1, 34 - name.count)) + padded.joined()
    }
}
