internal import CLibSSH
internal import EventLoops
internal import PacketTunnel

/// An open that the peer has not answered yet.
final class SSHChannelOpening {
    fileprivate let handle: ssh_channel
    fileprivate let watched: OpaquePointer
    fileprivate let type: String
    fileprivate let payload: [UInt8]
    fileprivate let options: SSHChannelOptions
    private var completion: ((Result<SSHChannel, SSHError>) -> Void)?

    fileprivate init(
        handle: ssh_channel,
        watched: OpaquePointer,
        type: String,
        payload: [UInt8],
        options: SSHChannelOptions,
        completion: @escaping (Result<SSHChannel, SSHError>) -> Void
    ) {
        self.handle = handle
        self.watched = watched
        self.type = type
        self.payload = payload
        self.options = options
        self.completion = completion
    }

    func fail(_ error: SSHError) { complete(.failure(error)) }

    fileprivate func complete(_ result: Result<SSHChannel, SSHError>) {
        let completion = completion
        self.completion = nil
        completion?(result)
    }
}

/// Channels of a session: opening, accepting, and what their callbacks have left to do.
extension SSHSession {
    /// Asks the peer for a channel of any type. On an authenticated session.
    ///
    /// - Parameter completion: called on the loop, once, not before this returns.
    func openChannel(
        type: String,
        payload: [UInt8] = [],
        options: SSHChannelOptions,
        completion: @escaping (Result<SSHChannel, SSHError>) -> Void
    ) {
        guard state != .ended, let channel = ssh_channel_new(handle) else {
            return loop.executeHere {
                completion(.failure(SSHError(.connection, "the session has ended, or is not authenticated yet")))
            }
        }
        guard let watched = libssh_shim_channel_watch(peer, channel, nil) else {
            ssh_channel_free(channel)
            return end("out of memory")
        }
        let open = SSHChannelOpening(
            handle: channel,
            watched: watched,
            type: type,
            payload: payload,
            options: options,
            completion: completion
        )
        opening.append(open)
        _ = advance(open)
        setNeedsService()
    }

    /// True if the other side is OpenSSH by its greeting.
    var peerIsOpenSSH: Bool {
        for greeting in [ssh_get_clientbanner(handle), ssh_get_serverbanner(handle)] {
            if let greeting, String(cString: greeting).hasPrefix("SSH-2.0-OpenSSH") { return true }
        }
        return false
    }

    private func advance(_ open: SSHChannelOpening) -> Int32 {
        withLibrary {
            libssh_shim_channel_open(
                open.handle,
                open.type,
                open.payload,
                open.payload.count,
                open.options.extraReceiveWindow
            )
        }
    }

    func serviceOpenings() {
        guard !opening.isEmpty else { return }
        var answered: [(SSHChannelOpening, Result<SSHChannel, SSHError>)] = []
        opening.removeAll { open in
            let refusal = libssh_shim_channel_refusal(open.watched)
            if refusal != 0 {
                answered.append((open, .failure(abandon(open, refusal: ChannelOpenFailure(rawValue: refusal)))))
                return true
            }
            let result = advance(open)
            guard result != SSH_AGAIN else { return false }
            guard result == SSH_OK else {
                answered.append((open, .failure(abandon(open, refusal: .connectFailed))))
                return true
            }
            let channel = SSHChannel(
                handle: open.handle,
                watched: open.watched,
                type: open.type,
                options: open.options,
                session: self
            )
            channels.append(channel)
            answered.append((open, .success(channel)))
            return true
        }
        for (open, result) in answered {
            open.complete(result)
            if case .success(let channel) = result { channel.takeEarlyData() }
        }
    }

    private func abandon(_ open: SSHChannelOpening, refusal: ChannelOpenFailure) -> SSHError {
        let text = SSHRuntime.lastError(of: handle)
        libssh_shim_channel_forget(peer, open.watched)
        withLibrary { ssh_channel_free(open.handle) }
        if refusal == .unusablePacketMaximum {
            return SSHError(.channelRefused(refusal), "the other side takes no packet of any size on the channel")
        }
        return SSHError(.channelRefused(refusal), text)
    }

    /// Accepts the open that is being asked about. From inside the open handler.
    ///
    /// - Returns: nil when out of memory; the open is then answered already.
    func acceptChannel(
        _ message: ssh_message,
        _ open: UnsafePointer<libssh_shim_open>,
        options: SSHChannelOptions
    ) -> SSHChannel? {
        guard let accepted = ssh_message_channel_request_open_reply_accept(message) else {
            libssh_shim_refuse(peer, open, ChannelOpenFailure.resourceShortage.rawValue, "out of memory")
            return nil
        }
        guard let watched = libssh_shim_channel_watch(peer, accepted, open) else {
            end("out of memory")
            return nil
        }
        if options.extraReceiveWindow > 0 { libssh_shim_channel_grant(watched, options.extraReceiveWindow) }
        let channel = SSHChannel(
            handle: accepted,
            watched: watched,
            type: String(cString: open.pointee.type),
            options: options,
            session: self
        )
        channels.append(channel)
        return channel
    }

    func serviceChannels() {
        var index = 0
        while index < channels.count, state != .ended {
            let channel = channels[index]
            channel.service()
            if channel.state == .gone { channels.removeAll { $0 === channel } } else { index += 1 }
        }
    }
}
