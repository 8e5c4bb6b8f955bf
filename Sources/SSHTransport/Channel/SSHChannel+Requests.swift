internal import CLibSSH

/// What a channel asks of the peer (RFC 4254 §6).
extension SSHChannel {
    /// Sends an environment variable (RFC 4254 §6.4), without asking whether the peer wants it. 900 bytes at most.
    public func sendEnvironment(_ name: String, _ value: String) {
        guard !state.isEnding else { return }
        let payload = Self.encode(name) + Self.encode(value)
        _ = session.withLibrary { libssh_shim_channel_request(watched, "env", payload, payload.count) }
    }

    /// Has the peer run a command (RFC 4254 §6.5), without asking whether it does.
    func sendExecute(_ command: String) {
        guard !state.isEnding else { return }
        let payload = Self.encode(command)
        _ = session.withLibrary { libssh_shim_channel_request(watched, "exec", payload, payload.count) }
    }

    /// The string of RFC 4251 §5: a 32-bit length, and bytes.
    private static func encode(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
    }
}
