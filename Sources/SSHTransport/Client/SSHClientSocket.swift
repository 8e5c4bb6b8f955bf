internal import CLibSSH
internal import Glibc

extension SSHClientHandle {
    /// Makes the TCP connection that `ssh_connect` goes on with, bound to an interface: libssh binds to addresses alone.
    ///
    /// Tries the host's addresses one after the other, as libssh does.
    ///
    /// - Parameter bind: binds a socket to the interface, or throws.
    func connectSocket(
        host: String,
        port: UInt16,
        timeout: Int,
        bind: (Int32) throws -> Void
    ) throws(SSHClientError) {
        let place = "\(host) port \(port)"
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &found) == 0 else {
            throw Self.connectFailure(place, "resolve hostname", wasGreeted: false)
        }
        defer { freeaddrinfo(found) }
        var code = EHOSTUNREACH
        var next = found
        while let address = next?.pointee {
            next = address.ai_next
            let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            var descriptor = socket(address.ai_family, type, address.ai_protocol)
            guard descriptor >= 0 else {
                code = errno
                continue
            }
            do {
                try bind(descriptor)
            } catch {
                Glibc.close(descriptor)
                throw SSHClientError(.usage, "\(error)")
            }
            code = Self.connect(descriptor, to: address, timeout: timeout)
            if code == 0, ssh_options_set(session, SSH_OPTIONS_FD, &descriptor) == 0 { return }
            Glibc.close(descriptor)
        }
        throw Self.connectFailure(place, "cannot connect: \(String(cString: strerror(code)))", wasGreeted: false)
    }

    /// - Returns: 0, or what `errno` would say.
    private static func connect(_ descriptor: Int32, to address: addrinfo, timeout: Int) -> Int32 {
        if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return 0 }
        guard errno == EINPROGRESS else { return errno }
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let milliseconds = Int32(clamping: timeout * 1_000)
        var ready = poll(&wait, 1, milliseconds)
        while ready < 0, errno == EINTR { ready = poll(&wait, 1, milliseconds) }
        guard ready > 0 else { return ready == 0 ? ETIMEDOUT : errno }
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
    }
}
