internal import CTunnelControl
internal import FoundationEssentials
internal import Glibc

/// A connection to the daemon's control socket, by a process that says what it likes.
final class ControlPeer {
    let descriptor: Int32

    static let tunnelRequest = Array(#"{"request": "tunnel", "channelType": "tun@psiphon.ca"}"#.utf8)
    static let statusRequest = Array(#"{"request": "status"}"#.utf8)
    /// One for a tunnel of a type that there is not.
    static let refusedRequest = Array(#"{"request": "tunnel", "channelType": "shell"}"#.utf8)

    init(_ path: String) throws {
        descriptor = tunnelcontrol_connect(path, 10)
        guard descriptor >= 0 else { throw SystemFailure(call: path, code: -descriptor) }
    }

    deinit { close(descriptor) }

    func send(_ message: [UInt8], _ descriptors: [Int32] = []) throws {
        try Self.send(message, descriptors, over: descriptor)
    }

    /// The same over any socket.
    static func send(_ message: [UInt8], _ descriptors: [Int32], over socket: Int32) throws {
        let code = tunnelcontrol_send(socket, message, message.count, descriptors, Int32(descriptors.count))
        guard code >= 0 else { throw SystemFailure(call: "send", code: -code) }
    }

    /// The next answer; nil at the end of the connection.
    func nextAnswer() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var message = tunnelcontrol_message()
        let code = tunnelcontrol_receive(descriptor, &buffer, buffer.count, &message)
        return code == 0 && message.length > 0 ? Array(buffer.prefix(message.length)) : nil
    }

    /// A member of the next answer, as text; nil at the end of the connection.
    func nextAnswer(_ name: String) -> String? {
        guard let answer = nextAnswer() else { return nil }
        let value = try? JSONDecoder().decode(JSONValue.self, from: Data(answer))
        return value?.member(name)?.description ?? ""
    }
}
