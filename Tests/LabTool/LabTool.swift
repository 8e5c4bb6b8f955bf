internal import ArgumentParser

/// The small programs of the test lab: links, packets, probes, servers and readers of JSON, one subcommand each.
///
/// Programs of others are used where there are such; these say one thing each, or are not installed everywhere.
@main
struct LabTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab-tool",
        abstract: "The small programs of the test lab.",
        subcommands: [
            LinkCommand.self, CaptureCommand.self, PacketDiffCommand.self, UnderlayCommand.self, FrameCommand.self,
            EchoCommand.self, TCPCommand.self, UDPCommand.self, ConnectCommand.self, SegmentSizeCommand.self,
            PingCommand.self, ICMPErrorCommand.self, BatchCommand.self, BlastCommand.self, PokeCommand.self,
            StreamCommand.self, PullCommand.self, PushCommand.self, HearCommand.self, RelayCommand.self,
            WebCommand.self, PipeCommand.self, HoldCommand.self, UnreadCommand.self, JSONCommand.self,
            NetworkCommand.self,
            TerminalCommand.self, ControlCommand.self,
        ]
    )
}
