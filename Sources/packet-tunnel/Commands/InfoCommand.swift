internal import ArgumentParser

/// `packet-tunnel info`
struct InfoCommand: QuestionCommand {
    static let question = ServerQuestion.info
    static let abstract = "Ask a server for its MTU, DNS addresses, version and limits."

    @OptionGroup(title: "Connection") var connection: ConnectionArguments
}
