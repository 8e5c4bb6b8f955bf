import ArgumentParser
import Foundation
import Testing

@testable import packet_tunnel_bench

@Suite("Reports of the benchmark")
struct ReportTests {
    private func report(_ samples: Samples, _ words: [String] = []) throws -> Report {
        try Report(
            samples: samples,
            command: TunnelsCommand.parse(words),
            versions: [.gso: "packet-tunneld 1"],
            machine: Report.Machine()
        )
    }

    private var samples: Samples {
        var samples = Samples()
        for (stock, ours) in [(400.0, 4_000.0), (410, 5_000), (300, 6_000)] {
            samples.add(["down": stock, "down-cpu": 20], of: .sshW)
            samples.add(["down": ours, "down-cpu": 2], of: .gso)
        }
        return samples
    }

    @Test("a ratio above 1 means that ours is better, whether more or less of the unit is")
    func ratios() throws {
        let comparisons = try report(samples).comparisons
        let rate = try #require(comparisons.first { $0.name == "down" }?.peers.first { $0.peer == .sshW })
        #expect(rate.median == 400 && rate.minimum == 300 && rate.maximum == 410)
        #expect(rate.timesBetter == [.gso: 12.5])
        let cost = try #require(comparisons.first { $0.name == "down-cpu" }?.peers.first { $0.peer == .sshW })
        #expect(cost.timesBetter == [.gso: 10])
        #expect(comparisons.first { $0.name == "down" }?.peers.last?.timesBetter == [:])
    }

    @Test("the table has a row for each peer that was measured, and no table for what nobody measured")
    func table() throws {
        var samples = samples
        samples.remarks = ["openvpn is left out"]
        let lines = try report(samples).table.split(separator: "\n").map(String.init)
        #expect(lines.contains("  ssh-w                400       300       410     12.5×"))
        #expect(lines.contains("  gso                 5000      4000      6000"))
        #expect(lines.contains("  openvpn is left out"))
        #expect(!lines.contains { $0.contains("set-up") })
    }

    @Test("the JSON document carries every sample")
    func json() throws {
        let object = try JSONSerialization.jsonObject(with: report(samples).json) as? [String: Any]
        let comparisons = try #require(object?["comparisons"] as? [[String: Any]])
        let down = try #require(comparisons.first { $0["name"] as? String == "down" }?["peers"] as? [[String: Any]])
        #expect(down.first?["samples"] as? [Double] == [400, 410, 300])
        #expect((object?["versions"] as? [String: String])?["gso"] == "packet-tunneld 1")
    }

    @Test("the chart is well-formed, and cuts off what is of another size")
    func chart() throws {
        var samples = samples
        samples.add(["down": 30_000], of: .bare)
        let text = Chart(try report(samples)).text
        #expect(text.contains("30000 »"))
        let openings = text.matches(of: /<[a-z]/).count
        #expect(openings == text.matches(of: /<\//).count + text.matches(of: /\/>/).count)
    }

    @Test("only what was asked for is reported, in the order of the measurements")
    func selection() throws {
        let names = try report(samples, ["--measures", "memory,down"]).comparisons.map(\.name)
        #expect(names == ["down", "down-cpu"])
        for peers in ["nobody", "gso,ssh-w,gso"] {
            #expect(throws: (any Error).self) { try TunnelsCommand.parse(["--peers", peers]) }
        }
    }
}
