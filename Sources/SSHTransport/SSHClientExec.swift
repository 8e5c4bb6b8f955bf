internal import CLibSSH
internal import Glibc

extension SSHClientHandle {
    /// Far above what `info` and `status` say; a server that never stops talking must not fill the memory.
    private static let outputLimit = 4 << 20

    func exec(_ command: String, timeout: Int) throws(SSHClientError) -> SSHClientCommandResult {
        guard let channel = ssh_channel_new(session) else { throw ended("opening a channel") }
        defer { ssh_channel_free(channel) }
        let deadline = Self.milliseconds() + timeout * 1000
        guard ssh_channel_open_session(channel) == SSH_OK else { throw refused("a session", command) }
        guard ssh_channel_request_exec(channel, command) == SSH_OK else { throw refused("the command", command) }
        let output = try read(channel, isErrorOutput: false, until: deadline, command)
        let errorOutput = try read(channel, isErrorOutput: true, until: deadline, command)
        let status = ssh_channel_get_exit_status(channel)
        ssh_channel_close(channel)
        return SSHClientCommandResult(output: output, errorOutput: errorOutput, status: status < 0 ? nil : status)
    }

    private func read(
        _ channel: ssh_channel,
        isErrorOutput: Bool,
        until deadline: Int,
        _ command: String
    ) throws(SSHClientError) -> [UInt8] {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while output.count < Self.outputLimit {
            let left = max(deadline - Self.milliseconds(), 0)
            let count = ssh_channel_read_timeout(
                channel,
                &chunk,
                UInt32(chunk.count),
                isErrorOutput ? 1 : 0,
                Int32(clamping: left)
            )
            if count > 0 {
                output += chunk.prefix(Int(count))
            } else if ssh_channel_is_eof(channel) != 0 {
                break
            } else if count != 0, count != SSH_AGAIN {
                throw ended("waiting for \"\(command)\"")
            } else if left == 0 {
                throw SSHClientError(.temporary, "the server does not answer \"\(command)\" in time")
            }
        }
        return output
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

    private static func milliseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
