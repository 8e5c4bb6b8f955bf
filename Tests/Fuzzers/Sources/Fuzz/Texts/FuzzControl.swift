import PacketTunnel
import TunnelConfiguration

@testable import TunnelControl

/// Any bytes as a message of the control socket, or as what a server answers to `info` and `status`.
func fuzzControl(_ input: Input) -> Int32 {
    var input = input
    let kind = input.byte()
    let bytes = input.rest()
    switch kind % 4 {
    case 0:
        guard let request = ControlWire.decodeRequest(bytes, PassedDescriptors([])) else { return 0 }
        guard case .tunnel(let handOver, _) = request else { return 0 }
        let again = ControlWire.decodeRequest(ControlWire.encode(handOver), PassedDescriptors([]))
        guard case .tunnel(let same, _) = again else { fatalError("a request is encoded as another") }
        check(same == handOver, "a request says the same again")
    case 1:
        guard let reply = ControlWire.decodeReply(bytes) else { return 0 }
        check(ControlWire.decodeReply(ControlWire.encode(reply)) == reply, "a reply says the same again")
    case 2:
        guard let information = ServerInformation(json: bytes) else { return 0 }
        let again = ServerInformation(json: JSONText.encode(information))
        check(again == information, "the server's facts are the same again")
        _ = information.families
        _ = information.missingResolvers(for: [])
    default:
        guard let sessions = SessionStatus.list(json: bytes) else { return 0 }
        check(SessionStatus.list(json: JSONText.encode(sessions)) == sessions, "the sessions are the same again")
    }
    return 0
}
