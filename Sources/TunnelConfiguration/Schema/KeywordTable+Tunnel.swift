internal import IPPacket
internal import PacketTunnel

extension KeywordTable {
    static let network: [ConfigurationKeyword] = [
        ConfigurationKeyword(
            "AddressPool",
            .network,
            \.addressPool,
            ValueSyntax<IPPrefix>.prefix(isIPv4: true, lengths: 8...24).optional(nilWord: "auto"),
            """
            IPv4 addresses of the sessions: /8 to /24, not used on or behind this host otherwise. Clients never see \
            them; their own addresses are rewritten. With auto, 10.0.0.0/8, or if this host has a route, an address, a \
            gateway or a resolver in it, the first free one of 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16 and \
            198.18.0.0/15, or a part of one.
            """
        ),
        ConfigurationKeyword(
            "AddressPool6",
            .network,
            \.addressPool6,
            ValueSyntax<IPPrefix>.prefix(isIPv4: false, lengths: 8...104).optional(nilWord: "auto"),
            """
            IPv6 addresses of the sessions: /104 or shorter. With auto, fd1d:7a6e:52c4::/64, or another one in \
            fd1d:7a6e:52c4::/56 if this host uses it.
            """
        ),
        ConfigurationKeyword(
            "EgressInterface",
            .network,
            \.egressInterface,
            ValueSyntax<String>.interface.optional(nilWord: "auto"),
            """
            The interface through which clients' traffic leaves, translated to its address. With auto, that of the \
            default route.
            """
        ),
        ConfigurationKeyword(
            "TunDevice",
            .network,
            \.tunDevice,
            .interface,
            """
            The name of the tun device that is made.
            """
        ),
        ConfigurationKeyword(
            "MTU",
            .network,
            \.mtu,
            ValueSyntax<Int>.number(TunnelDefaults.mtuRange, "BYTES").zero(means: TunnelDefaults.mtu),
            """
            The largest packet, on the server and on its clients: 1280, IPv6's minimum, to 65535, or 0 for the default.
            """
        ),
        ConfigurationKeyword(
            "Loops",
            .network,
            \.loops,
            ValueSyntax<Int>.number(1...256, "NUMBER").optional(nilWord: "auto"),
            """
            Event loops, each with a thread and a queue of the tun device. With auto, one per processor.
            """
        ),
        ConfigurationKeyword(
            "SudoNetworkConfiguration",
            .network,
            \.usesSudo,
            .yesNo,
            """
            Runs network commands through sudo, for a daemon that is neither root nor has CAP_NET_ADMIN. What sudo has to \
            permit is in ssh-config/sudoers.d/packet-tunnel.
            """
        ),
        ConfigurationKeyword(
            "AllowNoIPv6",
            .network,
            \.allowsNoIPv6,
            .yesNo,
            """
            Goes on with a warning when this host cannot set up IPv6: its kernel has none, or a container may not write \
            the settings. Clients then have IPv4 alone.
            """
        ),
    ]

    static let traffic: [ConfigurationKeyword] = [
        ConfigurationKeyword(
            "SessionExpiry",
            .traffic,
            \.sessionExpiry,
            ValueSyntax<Duration>.time(.seconds(1)...(.seconds(86_400 * 30))).zero(means: TunnelDefaults.sessionExpiry),
            """
            Time for which a session without connection keeps its addresses, so that a client that comes back goes on \
            where it was; 0 for the default.
            """
        ),
        ConfigurationKeyword(
            each: "DNSResolver",
            .traffic,
            \.dnsResolvers,
            .address,
            severalPerLine: true,
            whenEmpty: "this host's own, as they are when a session begins",
            example: "192.0.2.53 2001:db8::53",
            """
            A resolver that answers clients at the transparent DNS addresses. Give at least one of each family that \
            clients use. Without it, those of /etc/resolv.conf, or if that names a local stub, those of \
            /run/systemd/resolve/resolv.conf or /run/NetworkManager/no-stub-resolv.conf. One on a loopback address or \
            in fe80::/10 cannot be reached from the tunnel. A query goes to any one of those that answer, a connection \
            over TCP stays with one; a resolver that has been silent for a second is left out and tried again now and then.
            """
        ),
        ConfigurationKeyword(
            "DenyNetworks",
            .traffic,
            \.deniedNetworks,
            .commaSeparated,
            """
            Networks that clients must not reach. The word default stands for loopback, link-local, private, \
            carrier-grade, documentation, multicast and cloud-metadata ranges of both families, and for the networks on \
            the links of this host's interfaces, as they are at the time. More prefixes may follow it; prefixes without \
            it replace it, none denies nothing, and both let clients into this host's own networks.
            """
        ),
        ConfigurationKeyword(
            "PermitNetworks",
            .traffic,
            \.permittedNetworks,
            .commaSeparated,
            """
            Networks that clients may reach although DenyNetworks has them, in whole or in part. This host's own \
            addresses, link-local ones and AddressPool stay denied.
            """
        ),
        ConfigurationKeyword(
            each: "DenyDomains",
            .traffic,
            \.deniedDomains,
            .value,
            severalPerLine: true,
            example: "ads.example",
            """
            Domains that are not resolved for clients, with everything below them.
            """
        ),
        ConfigurationKeyword(
            "DNSFlowTracking",
            .traffic,
            \.tracksDNSFlows,
            .yesNo,
            """
            Whether clients' DNS queries and the time to their answers are counted for each resolver, for packet-tunneld \
            --status.
            """
        ),
        ConfigurationKeyword(
            "PermitTCPPorts",
            .traffic,
            \.permittedTCPPorts,
            .commaSeparated,
            """
            TCP ports that clients may connect to, for example 53,80,443,1000-2000.
            """
        ),
        ConfigurationKeyword(
            "PermitUDPPorts",
            .traffic,
            \.permittedUDPPorts,
            .commaSeparated,
            """
            UDP ports that clients may send to, in the same form. Neither list is asked about queries to the transparent DNS \
            addresses.
            """
        ),
        ConfigurationKeyword(
            "PermitICMP",
            .traffic,
            \.permittedICMP,
            .value,
            """
            ICMP beside TCP and UDP: errors that quote a packet of a known flow, echo requests and replies, or both. With none, \
            as in the original packet tunnel, transfers over a smaller link behind this host may stop, and hosts that cannot \
            be reached are waited for.
            """
        ),
        ConfigurationKeyword(
            "Refuse",
            .traffic,
            \.refusals,
            .value,
            """
            What a client is told about a packet that a rule forbids, its destination, port or protocol: with reject TCP \
            connections are reset and other packets answered "administratively prohibited", some 50 each second; with drop \
            nothing.
            """
        ),
        ConfigurationKeyword(
            "Fragments",
            .traffic,
            \.fragments,
            .value,
            """
            Datagrams that are larger than one packet: carry judges the first fragment, and the others follow it; refuse \
            lets none pass.
            """
        ),
        ConfigurationKeyword(
            "MaxFlows",
            .traffic,
            \.maxFlows,
            .number(16...1_048_576, "NUMBER"),
            """
            Flows that one session may have at once. A new one beyond that takes the place of the flow that has been idle for \
            longest; TCP connections that carry data in both directions go last.
            """
        ),
        ConfigurationKeyword(
            "MaxFlowsPerKey",
            .traffic,
            \.maxFlowsPerKey,
            .number(64...16_777_216, "NUMBER"),
            """
            Flows that all tunnels of one key may have together. A tunnel gets MaxFlows, or a quarter of what is left of \
            this when it begins, and 16 in any case. An eighth of them may begin at once, and half of that in each \
            second afterwards. It is also how many of the key's connections the kernel keeps track of: of more, those that would be \
            over soonest are deleted within some seconds.
            """
        ),
        ConfigurationKeyword(
            "QueueLimit",
            .traffic,
            \.queueLimitInBytes,
            ValueSyntax<UInt64>.bytes(4 << 10...1 << 30).zero(means: DaemonConfiguration().queueLimitInBytes),
            """
            Bytes of packets that may wait for one client, 4K to 1G, or 0 for the default; what overflows is dropped and \
            counted. A packet counts with the memory it takes, 2 KiB at least. Clients that get super-packets have 128K in any \
            case. The default is eight times the 512K of the original packet tunnel, which are accepted: packets leave the queue \
            after some 5 ms whatever its limit, and super-packets of 64 KiB need the room. It costs up to 4 MiB of memory for \
            each client that reads too slowly. On a path that takes megabytes in a round trip up to four times as much may wait.
            """
        ),
    ]

    static let daemon: [ConfigurationKeyword] = [
        ConfigurationKeyword(
            "StateDirectory",
            .daemon,
            \.stateDirectory,
            .absolutePath,
            """
            The directory for what lasts only while the daemon runs.
            """
        ),
        ConfigurationKeyword(
            "ControlSocket",
            .daemon,
            \.controlSocket,
            ValueSyntax<String>.path.optional(nilWord: "none"),
            """
            The socket through which the daemon is asked and handed connections; a relative path lies in \
            StateDirectory.
            """
        ),
        ConfigurationKeyword(
            "PidFile",
            .daemon,
            \.pidFile,
            ValueSyntax<String>.absolutePath.optional(nilWord: "none"),
            """
            The file that the process number is written to.
            """
        ),
        ConfigurationKeyword(
            "LogLevel",
            .daemon,
            \.logLevel,
            .value,
            """
            How much is logged, to standard error. Packets that are refused are counted, never logged one by one.
            """
        ),
        ConfigurationKeyword(
            "LogFormat",
            .daemon,
            \.logFormat,
            .value,
            """
            Log lines for people, or one JSON object per line.
            """
        ),
    ]
}
