/// Where to look in a JSON value; `JSONCommand` says how a path is written.
struct JSONPath {
    private struct Step {
        enum Move {
            case member(String), children, descendants
        }

        let move: Move
        /// Keeps objects with this member, and only with this value if there is one.
        let filter: (name: String, value: String?)?
    }

    private let steps: [Step]

    /// nil for a text that is no path.
    init?(_ text: String) {
        var steps: [Step] = []
        var rest = text[...]
        while !rest.isEmpty {
            let name = rest.prefix { $0 != "." && $0 != "[" }
            rest = rest.dropFirst(name.count)
            var filter: (name: String, value: String?)?
            if rest.first == "[" {
                guard let end = rest.firstIndex(of: "]") else { return nil }
                let words = rest[..<end].dropFirst().split(separator: "=", maxSplits: 1)
                guard let member = words.first else { return nil }
                filter = (String(member), words.count == 2 ? String(words[1]) : nil)
                rest = rest[end...].dropFirst()
            }
            guard !name.isEmpty, rest.isEmpty || rest.first == "." else { return nil }
            rest = rest.dropFirst()
            let moves: [Substring: Step.Move] = ["*": .children, "**": .descendants]
            steps.append(Step(move: moves[name] ?? .member(String(name)), filter: filter))
        }
        self.steps = steps
    }

    func values(in root: JSONValue) -> [JSONValue] {
        steps.reduce([root]) { values, step in
            values.flatMap { Self.move(step.move, from: $0) }.filter { Self.passes($0, step.filter) }
        }
    }

    private static func move(_ move: Step.Move, from value: JSONValue) -> [JSONValue] {
        switch move {
        case .member(let name): value.member(name).map { [$0] } ?? []
        case .children: value.children
        case .descendants: [value] + value.children.flatMap { Self.move(.descendants, from: $0) }
        }
    }

    private static func passes(_ value: JSONValue, _ filter: (name: String, value: String?)?) -> Bool {
        guard let filter else { return true }
        guard let member = value.member(filter.name) else { return false }
        return filter.value == nil || filter.value == member.description
    }
}
