internal import IPPacket
internal import OpenSSHSyntax
internal import PacketTunnel

/// Two settings that exclude each other, or one that cannot be.
struct Contradiction: Hashable {
    /// The keyword of the setting to change.
    var keyword: String
    /// What is wrong, with the values.
    var reason: String
    /// What to do about it.
    var hint: String?
}

extension DaemonConfiguration {
    /// The configuration itself, if its settings are possible and agree with each other.
    ///
    /// - Throws: every contradiction, each with its setting, value and allowed range. They name no line: a value made
    ///   in code has none.
    public func validated() throws(ConfigurationProblems) -> DaemonConfiguration {
        let problems = contradictions(.everything).map {
            ConfigurationProblem(file: "configuration", keyword: $0.keyword, reason: $0.reason, hint: $0.hint)
        }
        guard problems.isEmpty else { throw ConfigurationProblems(problems) }
        return self
    }

    /// All contradictions, in the order of the manual.
    func contradictions(_ support: AlgorithmSupport) -> [Contradiction] {
        rangeContradictions(support) + listenContradictions + poolContradictions + deviceContradictions
            + queueContradictions + pathContradictions
    }

    /// What the text's own rules already exclude, for configurations made in code: each value must survive being
    /// written and read.
    private func rangeContradictions(_ support: AlgorithmSupport) -> [Contradiction] {
        KeywordTable.keywords.compactMap { row in
            for value in row.values(self) {
                var scratch = DaemonConfiguration()
                do throws(WordProblem) {
                    guard let words = try? LineLexer.split("\(row.name) \(value)")?.arguments, !words.isEmpty else {
                        return Contradiction(keyword: row.name, reason: "\"\(value)\" cannot be written in a file")
                    }
                    try row.apply(&scratch, words, true)
                    if let problem = scratch.algorithmProblem(row.name, support) {
                        throw WordProblem(problem, column: 0)
                    }
                } catch {
                    return Contradiction(keyword: row.name, reason: error.problem.reason, hint: error.problem.hint)
                }
            }
            return nil
        }
    }

    private var listenContradictions: [Contradiction] {
        var found: [Contradiction] = []
        if listenAddresses.contains(where: { $0.port == nil }) || listenAddresses.isEmpty, ports.isEmpty {
            found.append(Contradiction(keyword: "Port", reason: "no port is left to listen on"))
        }
        if hostKeyFiles.isEmpty {
            found.append(Contradiction(keyword: "HostKey", reason: "a server needs at least one host key"))
        }
        var seen: Set<ListenAddress> = []
        for endpoint in endpoints {
            let listen = ListenAddress(endpoint.address, port: endpoint.port)
            if !seen.insert(listen).inserted {
                found.append(Contradiction(keyword: "ListenAddress", reason: "\(listen) is listed twice"))
            }
        }
        return found
    }

    private var poolContradictions: [Contradiction] {
        var found: [Contradiction] = []
        for case (let keyword, let pool?) in [("AddressPool", addressPool), ("AddressPool6", addressPool6)] {
            for permitted in permittedNetworks.prefixes where pool.overlaps(permitted) {
                found.append(
                    Contradiction(
                        keyword: "PermitNetworks",
                        reason: "\(permitted) shares addresses with \(keyword) \(pool), which is never permitted",
                        hint: "choose another \(keyword)"
                    )
                )
            }
            for resolver in dnsResolvers where pool.contains(resolver) {
                found.append(
                    Contradiction(
                        keyword: "DNSResolver",
                        reason: "\(resolver) lies in \(keyword) \(pool)",
                        hint: "choose another \(keyword)"
                    )
                )
            }
            for listen in listenAddresses where pool.contains(listen.address) && listen.address.bits != 0 {
                found.append(
                    Contradiction(
                        keyword: "ListenAddress",
                        reason: "\(listen.address) lies in \(keyword) \(pool)",
                        hint: "choose another \(keyword)"
                    )
                )
            }
            if let reserved = ReservedRange.overlapping(pool) {
                found.append(
                    Contradiction(
                        keyword: keyword,
                        reason: "\(pool) overlaps \(reserved), which cannot be given to clients",
                        hint: "use a private range"
                    )
                )
            }
        }
        for resolver in dnsResolvers {
            if let reason = ReservedRange.reasonAgainstResolver(resolver) {
                found.append(
                    Contradiction(
                        keyword: "DNSResolver",
                        reason: "\(resolver) \(reason) and cannot be reached from the tunnel",
                        hint: "name a resolver in the network"
                    )
                )
            }
        }
        return found
    }

    private var deviceContradictions: [Contradiction] {
        guard tunDevice == egressInterface else { return [] }
        return [Contradiction(keyword: "TunDevice", reason: "\(tunDevice) is the EgressInterface, too")]
    }

    /// With a large MTU, a packet takes more memory than a small queue may hold.
    private var queueContradictions: [Contradiction] {
        var server = ServerConfiguration()
        (server.mtu, server.downstreamQueueLimitInBytes) = (mtu, Int(clamping: queueLimitInBytes))
        do throws(ConfigurationError) {
            _ = try server.validated()
            return []
        } catch {
            guard error.setting == "QueueLimit" else { return [] }
            return [Contradiction(keyword: error.setting, reason: "\(error.value) \(error.reason), at MTU \(mtu)")]
        }
    }

    private var pathContradictions: [Contradiction] {
        // sockaddr_un has 108 bytes, one of which ends the path.
        guard let path = controlSocketPath, path.utf8.count > 107 else { return [] }
        return [
            Contradiction(
                keyword: "ControlSocket",
                reason: "\(path) is longer than 107 bytes, the most a socket's path may have"
            )
        ]
    }
}

/// Ranges that no host in a network has.
enum ReservedRange {
    private static let ranges: [(prefix: IPPrefix, name: String)] = [
        (IPPrefix(IPAddress(ipv4: 0), length: 8), "the unspecified range 0.0.0.0/8"),
        (IPPrefix(IPAddress(ipv4: 0x7f00_0000), length: 8), "the loopback range 127.0.0.0/8"),
        (IPPrefix(IPAddress(ipv4: 0xa9fe_0000), length: 16), "the link-local range 169.254.0.0/16"),
        (IPPrefix(IPAddress(ipv4: 0xe000_0000), length: 3), "the multicast and reserved ranges from 224.0.0.0 on"),
        (IPPrefix(IPAddress(bits: 0), length: 127), "the unspecified and loopback addresses of IPv6"),
        (IPPrefix(IPAddress(bits: 0xfe80 << 112), length: 10), "the link-local range fe80::/10"),
        (IPPrefix(IPAddress(bits: 0xff << 120), length: 8), "the multicast range ff00::/8"),
    ]

    static func overlapping(_ prefix: IPPrefix) -> String? {
        ranges.first { $0.prefix.network.isIPv4 == prefix.network.isIPv4 && $0.prefix.overlaps(prefix) }?.name
    }
}
