import Testing

@testable import packet_tunnel_bench

@Suite("What the benchmark reads")
struct ParsingTests {
    @Test("a process is recognised whatever its name is")
    func processes() {
        let rest = "S 7 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 100 0 0"
        let record = ProcessRecord(stat: "42 (a) b (c)) \(rest)")
        #expect(record?.identifier == 42 && record?.parent == 7 && record?.ticks == 300)
        #expect(ProcessRecord(stat: "42 (short) S 7") == nil)
        #expect(ProcessRecord(stat: "") == nil)
    }

    @Test("iperf3's JSON report yields what the receiver saw")
    func bulkJSON() throws {
        let text =
            #"{"end":{"sum_sent":{"bytes":9,"bits_per_second":9},"sum_received":{"bytes":5e8,"bits_per_second":1e9}}}"#
        let report = try BulkReport(json: text)
        #expect(report.megabitsPerSecond == 1_000 && report.bytes == 5e8)
        #expect(throws: Lab.Failure.self) { try BulkReport(json: #"{"end":{},"error":"unable to connect"}"#) }
    }

    @Test("iperf3's plain report yields the receiver's line")
    func bulkLog() throws {
        let log = """
            [  5]   0.00-2.00   sec   120 MBytes   480 Mbits/sec    3             sender
            [  5]   0.00-2.00   sec   119 MBytes   475 Mbits/sec                  receiver

            iperf Done.
            """
        #expect(try BulkReport(log: log).megabitsPerSecond == 475)
        #expect(throws: Lab.Failure.self) { try BulkReport(log: "iperf3: error") }
    }

    @Test("answers of probes are numbers with names")
    func values() {
        #expect(Lab.values("listening\nreceived=10.0 rate=2.5\nx=y") == ["received": 10, "rate": 2.5])
    }

    @Test("quantiles are samples, by nearest rank")
    func quantiles() {
        let samples = (1...200).map(Double.init)
        #expect(Statistics.quantile(0.5, ofSorted: samples) == 100)
        #expect(Statistics.quantile(0.99, ofSorted: samples) == 198)
        #expect(Statistics.quantile(0.99, ofSorted: [7]) == 7)
        #expect(Statistics.quantile(0.5, ofSorted: []).isNaN)
        #expect(Statistics([4, 1, 3, 2])?.median == 2.5)
        #expect(Statistics([]) == nil)
    }

    @Test(
        "numbers keep three digits",
        arguments: [
            (0.0, "0"), (0.0123, "0.012"), (0.9949, "0.995"), (9.949, "9.95"), (9.96, "10.0"), (99.4, "99.4"),
            (99.6, "100"), (12_345.6, "12346"), (-1.5, "-1.50"),
        ]
    )
    func numbers(_ value: Double, _ text: String) {
        #expect(value.compact == text)
    }
}
