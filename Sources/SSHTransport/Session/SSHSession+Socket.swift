internal import CLibSSH
internal import Glibc
internal import OpenSSHSyntax

/// The socket of a session.
extension SSHSession {
    /// What is set on every session's socket.
    struct SocketOptions {
        /// Unsent bytes at which the kernel stops saying that it takes more: what waits belongs in our own queues.
        var notSentLowWater = Self.notSentLowWater

        /// What a server and a client set by default.
        static let notSentLowWater: Int32 = 128 << 10
        /// How the connection's congestion control is chosen.
        var congestionControl = CongestionControl.auto
    }

    /// Sets what every session's socket needs; libssh's own connecting has cleared `O_NONBLOCK`.
    func prepareSocket(_ options: SocketOptions = SocketOptions()) {
        let descriptor = ssh_get_fd(handle)
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        libssh_shim_set_tcp_options(descriptor, options.notSentLowWater)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &one, socklen_t(MemoryLayout<Int32>.size))
    }
}
