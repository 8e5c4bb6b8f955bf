/// All samples of a run, and what went wrong in it.
struct Samples: Codable {
    /// By metric and peer, one number for each round in which it could be measured.
    private(set) var values: [String: [Peer: [Double]]] = [:]
    /// Peers that were not measured and measurements that failed, each in a sentence.
    var remarks: [String] = []

    subscript(metric: Metric, peer: Peer) -> [Double] { values[metric.name]?[peer] ?? [] }

    mutating func add(_ metrics: [String: Double], of peer: Peer) {
        for (name, value) in metrics { values[name, default: [:]][peer, default: []].append(value) }
    }
}

/// Measures peers in turn, so that whatever else the machine does meets all of them alike.
struct Comparison {
    let lab: Lab
    let measurements: Measurements
    let peers: [Peer]
    let measures: [Measure]
    /// Told what happens.
    let progress: (String) -> Void

    func run(rounds: Int) -> Samples {
        var samples = Samples()
        for round in 1...rounds {
            for peer in peers {
                progress("round \(round) of \(rounds): \(peer.rawValue)")
                do {
                    try measure(peer, round: round, into: &samples)
                } catch {
                    remark("round \(round), \(peer.rawValue): \(error)", in: &samples)
                }
                do { try lab.tell("down") } catch { remark("\(peer.rawValue) does not end: \(error)", in: &samples) }
            }
        }
        return samples
    }

    private func measure(_ peer: Peer, round: Int, into samples: inout Samples) throws {
        try lab.tell("up", peer.rawValue)
        let setup = try measurements.connect()
        if measures.contains(.setup) { samples.add(setup, of: peer) }
        for measure in measures where measure != .setup {
            do {
                if !measurements.settle() { try restart(peer) }
                samples.add(try measurements.make(measure), of: peer)
            } catch {
                remark("round \(round), \(peer.rawValue), \(measure.rawValue): \(error)", in: &samples)
            }
        }
    }

    private func restart(_ peer: Peer) throws {
        try lab.tell("down")
        try lab.tell("up", peer.rawValue)
        _ = try measurements.connect()
    }

    private func remark(_ text: String, in samples: inout Samples) {
        progress("  \(text)")
        samples.remarks.append(text)
    }
}
