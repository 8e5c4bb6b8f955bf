/// Messages of a client that has logged in (RFC 4254), made of an input's bytes: mostly well-formed, seldom sensible.
enum SSHMessage {
    private static let channelTypes = [
        "session", "tun@psiphon.ca", "tun@openssh.com", "tun-gso@packet-tunnel.internal", "x11", "direct-tcpip",
    ]
    private static let requests = [
        "env", "exec", "shell", "pty-req", "subsystem", "window-change", "signal", "exit-status", "exit-signal",
        "x11-req", "auth-agent-req@openssh.com", "keepalive@openssh.com", "break", "eow@openssh.com",
    ]
    private static let commands = ["info", "status", "later", "long", "nothing"]
    private static let globalRequests = [
        "tcpip-forward", "cancel-tcpip-forward", "keepalive@openssh.com", "no-more-sessions@openssh.com",
        "streamlocal-forward@openssh.com",
    ]

    /// The next message, its number first, for one of the channels.
    static func next(_ input: inout Input, channels: [UInt32]) -> [UInt8] {
        let kind = input.byte()
        let channel = word(channels.isEmpty ? 0 : channels[Int(kind >> 4) % channels.count])
        switch kind % 12 {
        case 0: return open(channelTypes[0], window: 1 << 20, maximum: 32_768, payload: [])
        case 1:
            let type = channelTypes[Int(input.byte()) % channelTypes.count]
            return open(type, window: 1 << 20, maximum: 32_768, payload: input.take(Int(input.byte() % 40)))
        case 2:
            let type = String(decoding: input.take(Int(input.byte())), as: UTF8.self)
            let (window, maximum) = (number(&input), number(&input))
            return open(type, window: window, maximum: maximum, payload: input.take(Int(input.byte())))
        case 3, 4: return request(&input, channel)
        case 5: return [94] + channel + string(input.take(input.number() % 2_000))
        case 6: return [95] + channel + word(number(&input)) + string(input.take(Int(input.byte())))
        case 7: return [96] + channel
        case 8: return [97] + channel
        case 9: return [93] + channel + word(number(&input))
        case 10:
            let name = globalRequests[Int(input.byte()) % globalRequests.count]
            return [80] + string(Array(name.utf8)) + input.take(Int(input.byte() % 64))
        default: return other(&input)
        }
    }

    /// SSH_MSG_CHANNEL_CLOSE.
    static func close(_ channel: UInt32) -> [UInt8] { [97] + word(channel) }

    private static func open(_ type: String, window: UInt32, maximum: UInt32, payload: [UInt8]) -> [UInt8] {
        [90] + string(Array(type.utf8)) + word(0) + word(window) + word(maximum) + payload
    }

    private static func request(_ input: inout Input, _ channel: [UInt8]) -> [UInt8] {
        let name = requests[Int(input.byte()) % requests.count]
        let head = [98] + channel + string(Array(name.utf8)) + [input.byte() & 1]
        switch name {
        case "exec": return head + string(Array(commands[Int(input.byte()) % commands.count].utf8))
        case "env", "subsystem":
            let (first, second) = (input.take(Int(input.byte())), input.take(Int(input.byte())))
            return head + string(first) + string(second)
        default: return head + input.take(Int(input.byte() % 64))
        }
    }

    /// Any message but those that begin a key exchange, or end the connection.
    private static func other(_ input: inout Input) -> [UInt8] {
        let number = input.byte()
        return [number < 50 ? 100 : number] + input.take(Int(input.byte()))
    }

    private static func number(_ input: inout Input) -> UInt32 {
        UInt32(input.number()) << 16 | UInt32(input.number())
    }

    private static func word(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    private static func string(_ bytes: [UInt8]) -> [UInt8] { word(UInt32(bytes.count)) + bytes }
}
