/// Why a session has ended, in words for a person.
enum SSHEndReason {
    /// How libssh says that a message is out of place; its number and a parenthesis follow.
    private static let rejection = "Packet filter: rejected packet (type "

    /// What libssh's text about its last failure means.
    static func plain(_ text: String, isHandshaking: Bool) -> String {
        switch text {
        case let text where text.hasPrefix(rejection):
            "message \(text.dropFirst(rejection.count).dropLast()) is not allowed "
                + (isHandshaking ? "before authentication" : "now")
        case "", "Socket error: disconnected", "Socket error: Success": "the other side closed the connection"
        case let text where text.hasPrefix("Received SSH_MSG_DISCONNECT: "):
            "the other side disconnected (\(text.dropFirst(29)))"
        case let text where text.hasPrefix("Socket error: "): "\(text.dropFirst(14))"
        default: text
        }
    }
}
