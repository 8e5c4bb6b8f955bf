internal import CLibSSH
internal import Glibc

extension SSHClientHandle {
    /// Far above what `info` and `status` say; a server that never stops talking must not fill the memory.
    private static let outputLimit = 4 << 20

    func exec(_ command: String, timeout: Int) throws(SSHClientError) -> SSHClientCommandResult {
        guard let channel = ssh_channel_new(session) else { throw ended("opening a channel") }
        defer { ssh_channel_free(channel) }
        let deadline = MonotonicTime.milliseconds + timeout * 1000
        guard ssh_channel_open_session(channel) == SSH_OK else { throw refused("a session", command) }
        guard ssh_channel_request_exec(channel, command) == SSH_OK else { throw refused("the command", command) }
        let output = try readOutput(channel, until: deadline, command)
        let errorOutput = readErrorOutput(channel)
        let status = libssh_shim_channel_exit_status(channel)
        ssh_channel_close(channel)
        return SSHClientCommandResult(output: output, errorOutput: errorOutput, status: status < 0 ? nil : status)
    }

    private func readOutput(
        _ channel: ssh_channel,
        until deadline: Int,
        _ command: String
    ) throws(SSHClientError) -> [UInt8] {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while output.count < Self.outputLimit {
            let left = max(deadline - MonotonicTime.milliseconds, 0)
            let waiting = ssh_channel_poll_timeout(channel, Int32(clamping: left), 0)
            if waiting == SSH_EOF { break }
            guard waiting >= 0 else { throw ended("waiting for \"\(command)\"") }
            guard waiting > 0 else {
                throw SSHClientError(.temporary, "the server does not answer \"\(command)\" in time")
            }
            let count = ssh_channel_read_nonblocking(channel, &chunk, UInt32(chunk.count), 0)
            guard count > 0 else { break }
            output += chunk.prefix(Int(count))
        }
        return output
    }

    /// What has come beside the output; libssh has kept it meanwhile, within the channel's window.
    private func readErrorOutput(_ channel: ssh_channel) -> [UInt8] {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while output.count < Self.outputLimit {
            let count = ssh_channel_read_nonblocking(channel, &chunk, UInt32(chunk.count), 1)
            guard count > 0 else { break }
            output += chunk.prefix(Int(count))
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
}
