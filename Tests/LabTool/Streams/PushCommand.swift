internal import ArgumentParser

/// `push`: the near end of a stream that goes up.
struct PushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Sends a stream to a `stream ... up`."
    )

    @OptionGroup
    var place: EndpointArguments

    func run() throws { try PacedStream(to: place.endpoint).send() }
}
