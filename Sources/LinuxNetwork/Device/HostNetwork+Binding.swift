internal import CLinuxNetwork
internal import Glibc

extension HostNetwork {
    /// Binds a socket to an interface: what it sends leaves there, whatever the routes say, and it receives nothing that
    /// came in elsewhere (`BindToDevice` of the seed). For a socket that is not connected yet.
    ///
    /// - Throws: `NetworkSetupError` of the kinds `unknownInterface`, `notPermitted` and `system`.
    public static func bindToDevice(_ descriptor: Int32, _ name: String) throws(NetworkSetupError) {
        // The kernel would cut a longer name, and take none for "no longer bound".
        let isName = (1..<Int(LINUXNETWORK_NAME_SIZE)).contains(name.utf8.count)
        guard isName, setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.utf8.count)) == 0 else {
            let code = isName ? errno : ENODEV
            guard code == ENODEV else { throw .system("bind a socket to the interface \(name)", code: code) }
            throw NetworkSetupError(
                .unknownInterface,
                "there is no interface \(name)",
                advice: "ip link shows those that there are"
            )
        }
    }
}

extension HostNetwork {
    /// Marks a socket as one of a tunnel's own: by routing rules what it sends enters no tunnel of this host. Without the
    /// privilege nothing happens; the rules know servers by address and port as well.
    public static func markAsOutside(_ descriptor: Int32) {
        var mark = RoutingPolicy.mark
        setsockopt(descriptor, SOL_SOCKET, SO_MARK, &mark, socklen_t(MemoryLayout<UInt32>.size))
    }
}

extension TunDevice {
    /// True if this host has a tun driver (`IsSupported` of the seed); whether this process may use it is another matter.
    public static var isSupported: Bool {
        let descriptor = Glibc.open("/dev/net/tun", O_RDWR | O_CLOEXEC)
        guard descriptor < 0 else {
            close(descriptor)
            return true
        }
        return errno == EACCES || errno == EPERM
    }
}
