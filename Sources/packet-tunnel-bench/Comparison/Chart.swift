/// The report as a picture: a panel of bars for each of the metrics that matter most.
///
/// A bar is a median, and the line across its end reaches from the least to the most of all rounds. Without a tunnel,
/// most numbers are of another size: that bar is cut off at the edge, and its number says the rest.
struct Chart {
    private static let chosen = [
        "down", "up", "down-cpu", "up-cpu", "small-down", "small-up", "idle-rtt-median", "idle-rtt-p99",
        "paced-down-rtt-p99", "loaded-down-rtt-median", "loaded-down-rtt-p99", "loaded-up-rtt-p99", "web", "setup",
        "memory-server",
    ]
    private static let panelWidth = 440
    private static let headHeight = 36
    private static let rowHeight = 20
    private static let labelWidth = 100
    private static let barWidth = 250
    private static let style = """
        text { font: 12px system-ui, sans-serif; fill: #24292f }
        .title { font-weight: 600 } .note, .unit { fill: #57606a }
        .ours { fill: #1a7f37 } .peer { fill: #8c959f } .spread { stroke: #24292f; stroke-width: 1.5 }
        @media (prefers-color-scheme: dark) {
          text { fill: #e6edf3 } .note, .unit { fill: #9198a1 }
          .ours { fill: #3fb950 } .peer { fill: #656c76 } .spread { stroke: #e6edf3 }
        }
        """

    private let report: Report
    private let panels: [Report.Comparison]

    init(_ report: Report) {
        self.report = report
        panels = Self.chosen.compactMap { name in report.comparisons.first { $0.name == name } }
    }

    /// The picture, as SVG.
    var text: String {
        let rows = panels.map(\.peers.count).max() ?? 0
        let panelHeight = Self.headHeight + rows * Self.rowHeight + 18
        let height = (panels.count + 1) / 2 * panelHeight + 40
        let width = 2 * Self.panelWidth + 20
        var lines = [
            #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \#(width) \#(height)" width="\#(width)" "#
                + #"height="\#(height)" role="img" aria-label="Measurements of tunnels">"#,
            "<style>\n\(Self.style)\n</style>",
        ]
        for (index, panel) in panels.enumerated() {
            let (x, y) = (10 + index % 2 * Self.panelWidth, 10 + index / 2 * panelHeight)
            lines.append(#"<g transform="translate(\#(x) \#(y))">"#)
            lines += Self.draw(panel)
            lines.append("</g>")
        }
        let machine = "\(report.machine.processors) × \(report.machine.processor), Linux \(report.machine.kernel)"
        let path = report.settings.path.isEmpty ? "" : "\(report.settings.path): "
        let note = "\(path)medians of \(report.settings.rounds) interleaved rounds; lines: least to most. \(machine)"
        lines.append(Self.label(note, x: 10, y: height - 12, kind: "note"))
        return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private static func draw(_ panel: Report.Comparison) -> [String] {
        let unit = "\(panel.unit), \(panel.moreIsBetter ? "more" : "less") is better"
        var lines = [label(panel.title, x: 0, y: 14, kind: "title"), label(unit, x: 0, y: 30, kind: "unit")]
        let measured = panel.peers.filter { $0.peer != .bare }
        let scale = (measured.isEmpty ? panel.peers : measured).map(\.maximum).max() ?? 1
        for (row, entry) in panel.peers.enumerated() {
            lines += draw(entry, y: headHeight + row * rowHeight, scale: max(scale, .leastNormalMagnitude))
        }
        return lines
    }

    private static func draw(_ entry: Report.Entry, y: Int, scale: Double) -> [String] {
        func position(_ value: Double) -> Double { min(value / scale, 1) * Double(barWidth) }
        let (kind, middle) = (entry.peer.isOurs ? "ours" : "peer", y + rowHeight / 2)
        let left = Double(labelWidth)
        let bar = max(position(entry.median), 1)
        var lines = [
            #"<text x="\#(labelWidth - 6)" y="\#(middle + 4)" text-anchor="end">\#(escape(entry.peer.rawValue))</text>"#,
            #"<rect class="\#(kind)" x="\#(labelWidth)" y="\#(y + 3)" width="\#(bar.compact)" height="\#(rowHeight - 6)"/>"#,
        ]
        if entry.median <= scale {
            let (from, to) = (left + position(entry.minimum), left + position(entry.maximum))
            lines.append(
                #"<line class="spread" x1="\#(from.compact)" x2="\#(to.compact)" y1="\#(middle)" y2="\#(middle)"/>"#
            )
        }
        let end = Int((left + max(position(entry.maximum), bar)).rounded(.up)) + 6
        lines.append(
            label(entry.median.compact + (entry.median > scale ? " »" : ""), x: end, y: middle + 4, kind: "value")
        )
        return lines
    }

    private static func label(_ text: String, x: Int, y: Int, kind: String) -> String {
        #"<text class="\#(kind)" x="\#(x)" y="\#(y)">\#(escape(text))</text>"#
    }

    private static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
