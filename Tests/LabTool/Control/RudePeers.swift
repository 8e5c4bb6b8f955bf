internal import EventLoops
internal import Glibc

/// Processes with bad manners at the control socket: none of them may hold up the daemon or anybody else.
struct RudePeers {
    private struct Surprise: Error {
        let what: String
    }

    private let path: String

    init(_ path: String) {
        self.path = path
    }

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        try nonsense()
        let twice = try ControlPeer(path)
        for _ in 0..<2 { try twice.send(ControlPeer.statusRequest) }
        var listeners = try waitingCloses()
        let (buried, kept) = try buriedSockets()
        listeners += buried
        let silent = try (0..<200).map { _ in try ControlPeer(path) }
        Output.line("done")
        sleep(6)
        // What still waits is cut off with them, here and in the daemon.
        withExtendedLifetime((silent, twice, kept, listeners)) {}
    }

    /// Requests that are none, and descriptors that are none of a tunnel's.
    private func nonsense() throws {
        var template = Array("/tmp/lab-tool-XXXXXX".utf8CString)
        let files = [try SystemFailure.check(mkstemp(&template), "file"), open("/dev/zero", O_RDONLY)]
        var (one, other): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        for step in [pipe(&one), pipe(&other)] { try SystemFailure.check(step, "pipe") }
        let ends = one + other
        let request = ControlPeer.tunnelRequest
        func text(_ text: String) -> [UInt8] { Array(text.utf8) }
        let longName = String(repeating: "s", count: 999)
        let cases: [([UInt8], [Int32])] = [
            ([], []), (text("{"), []), ([UInt8](repeating: 0, count: 4_096), []),
            ([UInt8](repeating: 120, count: 100_000), []), ([UInt8](repeating: 91, count: 4_000), []),
            (text(#"{"request": "reboot"}"#), []), (request, []), (request, [ends[0]]), (request, Array(ends[..<3])),
            (request, [[Int32]](repeating: ends, count: 40).flatMap { $0 }), (request, files),
            (request, [ends[1], ends[0]]),
            ([], Array(ends[..<2])), (text("{"), ends), (ControlPeer.refusedRequest, [ends[0], ends[3]]),
            (text(#"{"request": "tunnel", "channelType": "tun@openssh.com"}"#), [ends[0], ends[3]]),
            (
                text(#"{"request": "tunnel", "channelType": "tun@psiphon.ca", "session": "\#(longName)"}"#),
                [ends[0], ends[3]]
            ),
        ]
        for (message, descriptors) in cases {
            let peer = try ControlPeer(path)
            try peer.send(message, descriptors)
            while let reply = peer.nextAnswer("reply") {
                guard reply != "accepted" else { throw Surprise(what: String(decoding: message, as: UTF8.self)) }
            }
        }
    }

    /// Sockets whose close waits, as a tunnel's streams.
    private func waitingCloses() throws -> [Socket] {
        try (0..<5).map { _ in
            let attack = try LingeringSocket()
            let peer = try ControlPeer(path)
            try peer.send(ControlPeer.tunnelRequest, [attack.sender, attack.sender])
            // Whoever closes last has to wait; that must not be this thread.
            DetachedThread.run { close(attack.sender) }
            Output.line("answer: \(peer.nextAnswer("reason") ?? "none")")
            return attack.listener
        }
    }

    /// The same sockets inside of what is passed: in the queue of a stream that is read, of one that is refused, and of the control
    /// connection itself.
    private func buriedSockets() throws -> (listeners: [Socket], kept: [Socket]) {
        var listeners: [Socket] = []
        var kept: [Socket] = []
        for number in 0..<4 {
            var pair: [Int32] = [-1, -1]
            try SystemFailure.check(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair), "socket pair")
            let far = Socket(owning: pair[1])
            listeners += try bury(far.descriptor)
            let peer = try ControlPeer(path)
            let request = number == 3 ? ControlPeer.refusedRequest : ControlPeer.tunnelRequest
            try peer.send(request, [pair[0], pair[0]])
            close(pair[0])
            var reasons: [String] = []
            while let reason = peer.nextAnswer("reason") { reasons.append(reason) }
            Output.line("buried: \(reasons.joined(separator: ", "))")
            kept.append(far)
        }
        let peer = try ControlPeer(path)
        listeners += try bury(peer.descriptor, after: ControlPeer.statusRequest)
        return (listeners, kept)
    }

    /// Sends lingering sockets, of which nobody else has a copy then: whoever drops the message closes them.
    ///
    /// - Parameter request: sent first, may be answered, and the connection closed, before they are there.
    private func bury(_ channel: Int32, after request: [UInt8]? = nil) throws -> [Socket] {
        let attacks = try (0..<3).map { _ in try LingeringSocket() }
        do {
            if let request { try ControlPeer.send(request, [], over: channel) }
            try ControlPeer.send([0], attacks.map(\.sender), over: channel)
        } catch  where request != nil {
            // Nobody has a copy: it is this thread that would wait.
            for attack in attacks { try attack.setLinger(seconds: 0) }
        }
        for attack in attacks { close(attack.sender) }
        return attacks.map(\.listener)
    }
}
