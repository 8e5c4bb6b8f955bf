import Testing

@testable import TunnelControl

@Suite("Messages of the control socket")
struct ControlMessageTests {
    private static let none = PassedDescriptors([])

    @Test("a request is read as it was written")
    func request() throws {
        let asked = TunnelRequest(channelType: "tun@psiphon.ca", session: "\"Grüße\"\n")
        guard case .tunnel(let read, _)? = ControlWire.decodeRequest(ControlWire.encode(asked), Self.none) else {
            Issue.record("it is read as something else")
            return
        }
        #expect(read == asked)
        guard case .status? = ControlWire.decodeRequest(ControlWire.encodeStatusRequest(), Self.none) else {
            Issue.record("it is read as something else")
            return
        }
    }

    @Test(
        "a reply is read as it was written",
        arguments: [
            .accepted, .refused(reason: "no", exitStatus: 77), .ended(reason: ""), .text("a\u{0}b\u{1f600}"),
        ] as [ControlReply]
    )
    func reply(_ reply: ControlReply) {
        #expect(ControlWire.decodeReply(ControlWire.encode(reply)) == reply)
    }

    @Test("members that nobody knows are ignored, whoever they claim to speak for")
    func unknownMembers() {
        let text = #"{"request":"tunnel","channelType":"x","user":"root","uid":0,"peer":{"user":0}}"#
        guard case .tunnel(let asked, _)? = ControlWire.decodeRequest(Array(text.utf8), Self.none) else {
            Issue.record("it is refused")
            return
        }
        #expect(asked == TunnelRequest(channelType: "x"))
    }

    @Test(
        "what is no request is refused",
        arguments: [
            "", "{", "[]", "null", "1", #"{"request":"tunnel"}"#, #"{"request":"halt"}"#, #"{"request":1}"#,
            #"{"request":"tunnel","channelType":7}"#, String(repeating: "[", count: 4_000),
        ]
    )
    func nonsense(_ text: String) {
        let isRequest = ControlWire.decodeRequest(Array(text.utf8), Self.none) != nil
        #expect(!isRequest)
    }

    @Test("the longest piece of text fits into a reply, whatever its letters")
    func pieces() {
        for letter in ["\u{1}", "\u{10ffff}", "\"", "/"] {
            let piece = String(repeating: letter, count: ControlWire.textLimit)
            #expect(ControlWire.encode(.text(piece)).count <= ControlWire.replyLimit)
        }
    }
}
