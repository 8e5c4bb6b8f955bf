import Logging
import Testing

@testable import TunnelConfiguration

@Suite("Log lines as text")
struct TextLogHandlerTests {
    @Test("the message comes first, then the fields by their names; nothing in a value looks like another field")
    func fields() {
        let fields: Logger.Metadata = [
            "user": "alice", "address": "192.0.2.7", "reason": "said \"no\" twice", "session": "", "option": "a=b",
            "resolvers": .array(["192.0.2.53", "2001:db8::53"]),
        ]
        #expect(
            TextLogHandler.text("tunnel refused", fields)
                == #"tunnel refused address=192.0.2.7 option="a=b" reason="said \"no\" twice""#
                + #" resolvers=192.0.2.53,2001:db8::53 session="" user=alice"#
        )
        #expect(TextLogHandler.text("ready", [:]) == "ready")
    }
}
