internal import SSHTransport
internal import TunnelConfiguration

extension TunnelClientProgram {
    /// Prints a server's answer.
    ///
    /// - Returns: how the process ends. What went wrong has been printed.
    @concurrent static func ask(_ question: ServerQuestion, over connection: ConnectionOptions) async -> ExitStatus {
        do {
            let answer = try await BlockingWork.value { try ServerConnection(connection).ask(question) }
            print(TerminalText.escaped(String(decoding: answer.output, as: UTF8.self)), terminator: "")
            guard answer.status == 0 else {
                throw SSHClientError(.protocolViolation, "the server does not answer \"\(question.rawValue)\"")
            }
            return .success
        } catch {
            StandardError.printLine("packet-tunnel: \(error)")
            return ExitStatus(for: error)
        }
    }
}
