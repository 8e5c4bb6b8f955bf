internal import CLibSSH
internal import EventLoops
internal import Logging
internal import PacketTunnel

/// Channels that clients open. Everything here runs inside the library.
extension SSHServerConnection {
    func answerOpen(_ message: ssh_message, _ open: UnsafePointer<libssh_shim_open>) {
        guard let session else { return }
        func refuse(_ failure: ChannelOpenFailure, _ text: String) {
            libssh_shim_refuse(session.peer, open, failure.rawValue, text)
        }
        let type = String(cString: open.pointee.type)
        guard session.channels.count < context.configuration.maxChannels else {
            return refuse(.resourceShortage, "too many channels")
        }
        if type == "session" {
            var options = SSHChannelOptions()
            options.extraReceiveWindow = 0
            options.closesAtEndOfFile = false
            guard let channel = session.acceptChannel(message, open, options: options) else { return }
            SSHServerSessionChannel.install(on: channel, of: self)
            return
        }
        let payload = Array(UnsafeBufferPointer(start: open.pointee.payload, count: open.pointee.payload_length))
        switch context.delegate.connection(self, channelOpenRequested: type, payload: payload) {
        case .refuse(let failure, let text):
            let fields = ["type": SSHRuntime.printable(type, limit: 64), "code": "\(failure.rawValue)", "reason": text]
            log(.info, "channel refused", identification.merging(fields.mapValues { .string($0) }) { $1 })
            refuse(failure, text)
        case .accept(let options):
            guard let channel = session.acceptChannel(message, open, options: options) else { return }
            channel.openPayload = payload
            channel.requestHandler = { [weak self, weak channel] request in
                guard let self, let channel, case .environment(let name, let value) = request else { return false }
                context.delegate.connection(self, channel: channel, environment: name, value: value)
                return true
            }
            context.delegate.connection(self, didOpen: channel)
        }
    }
}

/// What a client may do on a channel of type `session`: run a command that the delegate answers.
enum SSHServerSessionChannel {
    static func install(on channel: SSHChannel, of connection: SSHServerConnection) {
        var hasTerminal = false
        channel.requestHandler = { [weak channel, weak connection] request in
            guard let channel, let connection else { return false }
            // RFC 4254 §6.5: only one of shell, exec and subsystem per channel.
            switch request {
            case .environment:
                return true
            case .terminal:
                // Refused, it would cost the person a second line that helps nobody.
                hasTerminal = true
                return true
            case .execute(let command):
                guard channel.receiver == nil else { return false }
                guard connection.context.shares.mayRun(connection.keyFingerprint, now: connection.loop.now) else {
                    // Refused one by one, they would cost as much.
                    connection.close(reason: "too many commands of this key")
                    return false
                }
                guard let begun = connection.pendingCommands.begin() else { return false }
                var pending: PendingCommands.Command? = begun
                return connection.context.delegate.connection(connection, execRequested: command) {
                    [weak channel] reply in
                    let taken = pending.take()
                    guard let channel else { return }
                    answer(channel, with: reply.output, exitStatus: reply.exitStatus, of: taken)
                }
            case .shell:
                guard channel.receiver == nil else { return false }
                answerShell(channel, of: connection, hasTerminal: hasTerminal)
                return true
            case .subsystem:
                return false
            }
        }
    }

    /// One line instead of a shell. `ssh -w any:any HOST` without `-N` asks for one beside its tunnel, and ends when that
    /// does: then the channel stays until the person ends it.
    private static func answerShell(_ channel: SSHChannel, of connection: SSHServerConnection, hasTerminal: Bool) {
        let hasTunnel = connection.channels.contains { $0.type != "session" }
        var notice = connection.context.configuration.shellNotice
        if hasTunnel { notice += " The tunnel is up; Ctrl-C ends it." }
        notice += hasTerminal ? "\r\n" : "\n"
        answer(channel, with: Array(notice.utf8), exitStatus: hasTunnel ? nil : 1)
    }

    /// The library says that the request is granted only after this, so the answer waits for the end of the turn.
    private static func answer(
        _ channel: SSHChannel,
        with output: [UInt8],
        exitStatus: UInt8?,
        of command: PendingCommands.Command? = nil
    ) {
        channel.setReceiver(SSHServerReply(channel, output: output, exitStatus: exitStatus, command: command))
        channel.notifyWhenWritable()
    }
}
