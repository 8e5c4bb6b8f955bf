internal import IPPacket
internal import PacketTunnel
internal import TunnelConfiguration

extension ClientConfiguration {
    /// What the options say, completed by what the server says.
    init(_ options: UpOptions, _ information: ServerInformation?) {
        self.init()
        mtu = options.mtu ?? information?.mtu ?? TunnelDefaults.mtu
        // A device that was given has addresses of its own.
        if options.tunFileDescriptor == nil {
            addresses = [options.address, options.address6].compactMap { $0?.address }
        }
        localDNSAddresses = DNSResolvers(options.dnsResolvers)
        if let information { transparentDNSAddresses = information.transparentDNSAddresses }
        // Through a command nobody can be asked; a server of ours has these unless it was told otherwise.
        if options.connection.via != nil,
            let pool = try? AddressPool(ipv4: TunnelDefaults.ipv4Pool, ipv6: TunnelDefaults.ipv6Pool)
        {
            let addresses = pool.transparentDNSAddresses
            transparentDNSAddresses = DNSResolvers([addresses.ipv4, addresses.ipv6])
        }
        if information == nil, options.channelType != .openSSH, options.connection.via == nil {
            // A server of the original answers no questions, and has these.
            transparentDNSAddresses = .original
        }
        // A stock sshd rewrites and refuses nothing; what it cannot route, its own kernel drops.
        if information?.permitICMP != "none" { policy.permittedICMP = [.errors, .echo] }
        // What the server would refuse is refused here, and its senders are told.
        policy.refusals = .reject
        policy.fragments = information.map { $0.fragments == "carry" } ?? true ? .carry : .refuse
    }
}

extension ServerInformation {
    /// The server's transparent resolver.
    var transparentDNSAddresses: DNSResolvers {
        DNSResolvers([transparentDNSIPv4, transparentDNSIPv6].compactMap { IPAddress($0) })
    }
}
