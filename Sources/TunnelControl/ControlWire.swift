internal import FoundationEssentials

/// What the control socket can be asked: one request for each connection.
public enum ControlRequest: Sendable {
    /// The sessions that the peer may see.
    case status
    /// Carry packets over two descriptors that come with the message: input, then output.
    case tunnel(TunnelRequest, PassedDescriptors)
}

/// How packets are to be carried over the descriptors that are passed. Says nothing about who asks: that, the kernel
/// says.
public struct TunnelRequest: Hashable, Sendable {
    /// The channel type whose framing is used.
    public var channelType: String
    /// Which of the user's sessions to use; empty for the nameless one.
    public var session: String

    /// Asks for a framing and a session.
    public init(channelType: String, session: String = "") {
        self.channelType = channelType
        self.session = session
    }
}

/// What the daemon answers. A connection ends with `refused`, `ended` or the last piece of `text`.
public enum ControlReply: Hashable, Sendable {
    /// The tunnel is up, and the descriptors belong to the daemon.
    case accepted
    /// Nothing has happened; the descriptors are closed.
    case refused(reason: String, exitStatus: Int32)
    /// The tunnel is over.
    case ended(reason: String)
    /// A piece of a longer text; the connection's end is its end.
    case text(String)
}

/// One message is one JSON object. Members that nobody knows are ignored, so that both sides may grow.
enum ControlWire {
    /// Bytes of a request. A session's name has 255 at most.
    static let requestLimit = 4_096
    /// Bytes of a reply: below what the kernel takes at once for a socket.
    static let replyLimit = 65_536
    /// Unicode scalars of text in one reply, each of which becomes at most six bytes of JSON.
    static let textLimit = 8_192

    private struct Request: Codable {
        var request: String
        var channelType: String?
        var session: String?
    }

    private struct Reply: Codable {
        var reply: String
        var reason: String?
        var exitStatus: Int32?
        var text: String?
    }

    static func encodeStatusRequest() -> [UInt8] { encode(Request(request: "status")) }

    static func encode(_ request: TunnelRequest) -> [UInt8] {
        encode(Request(request: "tunnel", channelType: request.channelType, session: request.session))
    }

    /// Nil for what is no request.
    static func decodeRequest(_ bytes: some Sequence<UInt8>, _ descriptors: PassedDescriptors) -> ControlRequest? {
        guard let message = decode(Request.self, bytes) else { return nil }
        switch message.request {
        case "status": return .status
        case "tunnel":
            guard let channelType = message.channelType else { return nil }
            return .tunnel(TunnelRequest(channelType: channelType, session: message.session ?? ""), descriptors)
        default: return nil
        }
    }

    static func encode(_ reply: ControlReply) -> [UInt8] {
        switch reply {
        case .accepted: encode(Reply(reply: "accepted"))
        case .refused(let reason, let status): encode(Reply(reply: "refused", reason: reason, exitStatus: status))
        case .ended(let reason): encode(Reply(reply: "ended", reason: reason))
        case .text(let text): encode(Reply(reply: "text", text: text))
        }
    }

    static func decodeReply(_ bytes: some Sequence<UInt8>) -> ControlReply? {
        guard let message = decode(Reply.self, bytes) else { return nil }
        switch message.reply {
        case "accepted": return .accepted
        case "refused": return .refused(reason: message.reason ?? "", exitStatus: message.exitStatus ?? 69)
        case "ended": return .ended(reason: message.reason ?? "")
        case "text": return .text(message.text ?? "")
        default: return nil
        }
    }

    private static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return (try? encoder.encode(value)).map(Array.init) ?? []
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: some Sequence<UInt8>) -> Value? {
        try? JSONDecoder().decode(type, from: Data(bytes))
    }
}
