internal import CLibSSH
internal import EventLoops

extension SSHClientHandle {
    /// Runs a command and collects what it says, within bounds of size and time.
    func exec(_ command: String, timeout: Int) throws(SSHClientError) -> SSHClientCommandResult {
        guard let channel = ssh_channel_new(session) else { throw ended("opening a channel") }
        let answer = CommandAnswer()
        answer.attach(to: channel)
        defer {
            answer.detach(from: channel)
            ssh_channel_free(channel)
        }
        let deadline = SystemClock.milliseconds + timeout * 1_000
        guard ssh_channel_open_session(channel) == SSH_OK else { throw refused("a session", command) }
        guard ssh_channel_request_exec(channel, command) == SSH_OK else { throw refused("the command", command) }
        try wait(for: answer, until: deadline, command)
        ssh_channel_close(channel)
        return SSHClientCommandResult(output: answer.output, errorOutput: answer.errorOutput, status: answer.status)
    }

    private func wait(for answer: CommandAnswer, until deadline: Int, _ command: String) throws(SSHClientError) {
        guard let event = ssh_event_new(), ssh_event_add_session(event, session) == SSH_OK else {
            throw SSHClientError(.temporary, "out of memory")
        }
        defer {
            ssh_event_remove_session(event, session)
            ssh_event_free(event)
        }
        while !answer.isComplete {
            let left = deadline - SystemClock.milliseconds
            guard left > 0 else {
                throw SSHClientError(.temporary, "the server does not answer \"\(command)\" in time")
            }
            let isGood = ssh_event_dopoll(event, Int32(clamping: left)) != SSH_ERROR && ssh_is_connected(session) != 0
            // The last words may come together with the end.
            guard isGood || answer.isComplete else { throw ended("waiting for \"\(command)\"") }
            guard !answer.isTooLong else {
                throw SSHClientError(
                    .protocolViolation,
                    "the server's answer to \"\(command)\" has more than \(CommandAnswer.limit) bytes"
                )
            }
        }
    }

    private func refused(_ what: String, _ command: String) -> SSHClientError {
        guard ssh_is_connected(session) != 0 else { return ended("asking for \"\(command)\"") }
        return SSHClientError(
            .permission,
            "the server refuses \(what) (\"\(command)\"): \(SSHRuntime.lastError(of: session))"
        )
    }

    private func ended(_ doing: String) -> SSHClientError {
        SSHClientError(.temporary, "the connection ended while \(doing): \(SSHRuntime.lastError(of: session))")
    }
}

/// What a command says, taken out of the library as it comes: libssh keeps whatever it is sent, beyond every window.
private final class CommandAnswer {
    /// Far above what `info` and `status` say; a server that never stops talking must not fill the memory.
    static let limit = 4 << 20
    private static let errorLimit = 64 << 10

    fileprivate(set) var output: [UInt8] = []
    fileprivate(set) var errorOutput: [UInt8] = []
    fileprivate(set) var status: Int32?
    fileprivate(set) var isTooLong = false
    fileprivate var hasEnded = false
    fileprivate var isClosed = false
    private let callbacks: UnsafeMutablePointer<ssh_channel_callbacks_struct>

    /// Servers may end the output before they tell the status, or the other way round.
    var isComplete: Bool { isClosed || hasEnded && status != nil }

    init() {
        callbacks = .allocate(capacity: 1)
        callbacks.initialize(to: ssh_channel_callbacks_struct())
    }

    deinit { callbacks.deallocate() }

    func attach(to channel: ssh_channel) {
        callbacks.pointee.size = MemoryLayout<ssh_channel_callbacks_struct>.size
        callbacks.pointee.userdata = Unmanaged.passUnretained(self).toOpaque()
        callbacks.pointee.channel_data_function = answerArrived
        callbacks.pointee.channel_eof_function = answerEnded
        callbacks.pointee.channel_close_function = answerClosed
        callbacks.pointee.channel_exit_status_function = statusArrived
        ssh_set_channel_callbacks(channel, callbacks)
    }

    func detach(from channel: ssh_channel) { ssh_remove_channel_callbacks(channel, callbacks) }

    fileprivate func take(_ bytes: UnsafeRawBufferPointer, isError: Bool) {
        if isError {
            errorOutput += bytes.prefix(Self.errorLimit - errorOutput.count)
        } else {
            output += bytes.prefix(Self.limit - output.count)
            isTooLong = isTooLong || output.count == Self.limit
        }
    }
}

private func answer(_ userData: UnsafeMutableRawPointer?) -> CommandAnswer? {
    userData.map { Unmanaged<CommandAnswer>.fromOpaque($0).takeUnretainedValue() }
}

/// Consumes everything, also what is not kept.
private func answerArrived(
    _: ssh_session?,
    _: ssh_channel?,
    _ data: UnsafeMutableRawPointer?,
    _ length: UInt32,
    _ isError: Int32,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    answer(userData)?.take(UnsafeRawBufferPointer(start: data, count: Int(length)), isError: isError != 0)
    return Int32(clamping: length)
}

private func answerEnded(_: ssh_session?, _: ssh_channel?, _ userData: UnsafeMutableRawPointer?) {
    answer(userData)?.hasEnded = true
}

private func answerClosed(_: ssh_session?, _: ssh_channel?, _ userData: UnsafeMutableRawPointer?) {
    answer(userData)?.isClosed = true
}

private func statusArrived(_: ssh_session?, _: ssh_channel?, _ status: Int32, _ userData: UnsafeMutableRawPointer?) {
    answer(userData)?.status = status
}
