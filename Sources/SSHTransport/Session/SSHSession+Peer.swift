internal import CLibSSH
internal import EventLoops

/// What a session has seen of its peer, and asks it.
extension SSHSession {
    /// Packets of any kind received so far.
    var packetsReceived: UInt64 { libssh_shim_packets_received(peer) }

    /// Bytes of these packets.
    var bytesReceived: UInt64 { libssh_shim_bytes_received(peer) }

    /// Answers to keepalives received so far.
    var repliesReceived: UInt32 { libssh_shim_replies(peer) }

    /// Sends a request that any peer answers, and takes the time until it does. libssh's own keepalive keeps state and
    /// sends only every second time.
    func sendKeepalive() {
        guard !state.isEnding else { return }
        roundTrip.asked(now: loop.now + loop.timeInTurn, isPrompt: libssh_shim_state(peer) == 0)
        // RFC 4254 §4: byte 80, string name, boolean want reply.
        let name = Array("keepalive@openssh.com".utf8)
        let packet = [80, 0, 0, 0, UInt8(name.count)] + name + [1]
        _ = withLibrary { libssh_shim_send_packet(handle, packet, packet.count) }
    }
}
