internal import ArgumentParser

/// `packet-tunnel status`
struct StatusCommand: QuestionCommand {
    static let question = ServerQuestion.status
    static let abstract = "Ask a server for your own sessions and their counters."

    @OptionGroup(title: "Connection") var connection: ConnectionArguments
}
