internal import ArgumentParser

/// `pull`: the near end of a stream that comes down.
struct PullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Receives the stream of a `stream ... down`."
    )

    @OptionGroup
    var place: EndpointArguments

    func run() throws { try PacedStream(to: place.endpoint).receive() }
}
