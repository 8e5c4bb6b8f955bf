internal import CLibSSH
internal import EventLoops
internal import PacketTunnel

/// How much OpenSSH is sent before it has granted it back; see `OpenSSHSendWindow`.
extension SSHChannel {
    /// Tells the send window what has happened, and has the peer say something while it is closed, in case nothing else does.
    func serviceSendWindow() {
        guard sendWindow != nil else { return }
        sendWindow?.didGrant(total: libssh_shim_channel_granted(watched))
        sendWindow?.didAnswer(session.repliesReceived, now: session.loop.now)
        sendWindow?.didMeasure(roundTrip: session.roundTrip.shortest)
        if sendWindow?.timePassed(now: session.loop.now) == true { libssh_shim_channel_is_not_charged(watched) }
        if !hasMeasured {
            // Before anything else is sent, so that nothing of ours is in the way of the first answer.
            hasMeasured = true
            session.sendKeepalive()
        }
        guard sendWindow?.isOpen == false else { return }
        libssh_shim_acknowledge(ssh_get_fd(session.handle))
        if sendWindow?.needsRequest == true {
            session.sendKeepalive()
            sendWindow?.didRequest(session.roundTrip.requests)
        }
        guard !isWatchingSendWindow else { return }
        isWatchingSendWindow = true
        session.loop.scheduleHere(after: OpenSSHSendWindow.patience) { [weak self] in
            self?.isWatchingSendWindow = false
            self?.session.setNeedsService()
        }
    }

    /// Counts a message that has left.
    @inline(__always)
    func noteSent(_ byteCount: Int) {
        guard sendWindow != nil else { return }
        sendWindow?.didSend(byteCount)
        if sendWindow?.surcharge != .refuted { libssh_shim_channel_sent_datagram(watched) }
        if sendWindow?.isOpen == false { session.setNeedsService() }
    }
}
