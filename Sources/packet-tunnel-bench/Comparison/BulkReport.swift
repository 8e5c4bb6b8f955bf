internal import Foundation

/// What `iperf3` says about one TCP stream, as its receiver saw it.
struct BulkReport {
    let megabitsPerSecond: Double
    let bytes: Double

    private struct Document: Decodable {
        struct End: Decodable { let sumReceived: Sum? }
        struct Sum: Decodable {
            let bytes: Double
            let bitsPerSecond: Double
        }
        let end: End?
        let error: String?
    }

    /// Reads the report of `--json`.
    init(json: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let document = try decoder.decode(Document.self, from: Data(json.utf8))
        guard document.error == nil, let sum = document.end?.sumReceived else {
            throw Lab.Failure(description: "iperf3: \(document.error ?? "it has no result")")
        }
        megabitsPerSecond = sum.bitsPerSecond / 1e6
        bytes = sum.bytes
    }

    /// Reads the last line of the plain report, with `--format m`.
    init(log: String) throws {
        let line = log.split(separator: "\n").last { $0.hasSuffix("receiver") }
        let words = line?.split(separator: " ") ?? []
        guard let unit = words.firstIndex(of: "Mbits/sec"), unit > 0, let rate = Double(words[unit - 1]) else {
            throw Lab.Failure(description: "iperf3: \(log.suffix(200))")
        }
        megabitsPerSecond = rate
        bytes = 0
    }
}
