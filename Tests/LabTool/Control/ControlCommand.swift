internal import ArgumentParser
internal import Glibc

/// `control`: a local process that speaks to the control socket by itself.
struct ControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control",
        abstract: "Speaks to the control socket.",
        subcommands: [Tunnel.self, Status.self, Rude.self]
    )

    struct Tunnel: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hands a pair of pipes over, and prints the answers to the end."
        )

        @Argument
        var socket: String

        @Option(help: "Members for the request, as in '\"user\": \"root\"'.")
        var members = ""

        @Flag(help: "Keeps the tunnel open.")
        var hold = false

        func run() throws {
            let peer = try ControlPeer(socket)
            var (toDaemon, fromDaemon): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
            for step in [pipe(&toDaemon), pipe(&fromDaemon)] { try SystemFailure.check(step, "pipe") }
            let request = #"{"request": "tunnel", "channelType": "tun@psiphon.ca""#
            let text = request + (members.isEmpty ? "" : ", \(members)") + "}"
            try peer.send(Array(text.utf8), [toDaemon[0], fromDaemon[1]])
            close(toDaemon[0])
            close(fromDaemon[1])
            while let answer = peer.nextAnswer() {
                let text = String(decoding: answer, as: UTF8.self)
                Output.line(text)
                // What is still to be read must not keep the daemon from noticing the end.
                if text.contains("accepted"), !hold { close(toDaemon[1]) }
            }
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints the status.")

        @Argument
        var socket: String

        func run() throws {
            let peer = try ControlPeer(socket)
            try peer.send(ControlPeer.statusRequest)
            var text = ""
            while let piece = peer.nextAnswer("text") { text += piece }
            guard !text.isEmpty else { throw ExitCode.failure }
            Output.line(text)
        }
    }

    struct Rude: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Does everything that must close nothing but its own connection; prints \"done\"."
        )

        @Argument
        var socket: String

        func run() throws { try RudePeers(socket).run() }
    }
}
