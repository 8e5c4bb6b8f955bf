import IPPacket
import OpenSSHSyntax
import Testing

@testable import TunnelConfiguration

/// One line, and what it must change.
struct KeywordCase: Sendable, CustomTestStringConvertible {
    var line: String
    var change: @Sendable (inout DaemonConfiguration) throws -> Void

    init(_ line: String, _ change: @escaping @Sendable (inout DaemonConfiguration) throws -> Void) {
        self.line = line
        self.change = change
    }

    var keyword: String { String(line.prefix { $0 != " " && $0 != "=" }) }
    var testDescription: String { line }
}

@Suite struct KeywordTests {
    static let cases: [KeywordCase] = [
        KeywordCase("ListenAddress [2001:db8::1]:22") { $0.listenAddresses = [try .init(parsing: "[2001:db8::1]:22")] },
        KeywordCase("Port 443") { $0.ports = [443] },
        KeywordCase("HostKey \"/etc/my keys/host\"") { $0.hostKeyFiles = ["/etc/my keys/host"] },
        KeywordCase("AuthorizedKeysFile .ssh/authorized_keys /etc/%u") {
            $0.authorizedKeysFiles = [try .init(parsing: ".ssh/authorized_keys"), try .init(parsing: "/etc/%u")]
        },
        KeywordCase("AuthorizedKeysFile none") { $0.authorizedKeysFiles = [] },
        KeywordCase("StrictModes no") { $0.strictModes = false },
        KeywordCase("Compression yes") { $0.permitsCompression = true },
        KeywordCase("AllowUsers a b@192.0.2.0/24") {
            $0.allowedUsers = [try .init(parsing: "a"), try .init(parsing: "b@192.0.2.0/24")]
        },
        KeywordCase("DenyUsers m*") { $0.deniedUsers = [try .init(parsing: "m*")] },
        KeywordCase("MaxAuthTries 3") { $0.maxAuthenticationTries = 3 },
        KeywordCase("LoginGraceTime 30") { $0.loginGraceTime = .seconds(30) },
        KeywordCase("MaxStartups 5:50:20") { $0.maxStartups = MaxStartups(begin: 5, rate: 50, full: 20) },
        KeywordCase("PerSourceMaxStartups 4") { $0.perSourceMaxStartups = 4 },
        KeywordCase("PerSourceMaxStartups none") { $0.perSourceMaxStartups = nil },
        KeywordCase("PerSourceNetBlockSize 24") { $0.perSourceNetBlockSize = NetBlockSize(ipv4: 24) },
        KeywordCase("PerSourceNetBlockSize 24:48") { $0.perSourceNetBlockSize = NetBlockSize(ipv4: 24, ipv6: 48) },
        KeywordCase("PerSourcePenalties no") { $0.perSourcePenalties = nil },
        KeywordCase("PerSourcePenalties authfail:1m noauth:1 max-sources6:9 overflow:deny-all min:0") {
            $0.perSourcePenalties?.authenticationFailure = .seconds(60)
            $0.perSourcePenalties?.noAuthentication = .seconds(1)
            $0.perSourcePenalties?.sourceLimitIPv6 = 9
            $0.perSourcePenalties?.overflowIPv4 = .denyAll
            $0.perSourcePenalties?.least = .zero
        },
        KeywordCase("PerSourcePenaltyExemptList 192.0.2.0/24 2001:db8::1") {
            $0.penaltyExemptions = [
                IPPrefix(IPAddress(ipv4: 0xc000_0200), length: 24),
                IPPrefix(IPAddress(bits: 0x2001_0db8 << 96 | 1), length: 128),
            ]
        },
        KeywordCase("ClientAliveInterval 0") { $0.clientAliveInterval = .zero },
        KeywordCase("ClientAliveCountMax 9") { $0.clientAliveCountMax = 9 },
        KeywordCase("RekeyLimit 16M 1h") { $0.rekeyLimit = RekeyLimit(bytes: 16 << 20, interval: .seconds(3600)) },
        KeywordCase("RekeyLimit default 10m") { $0.rekeyLimit = RekeyLimit(interval: .seconds(600)) },
        KeywordCase("CongestionControl SYSTEM") { $0.congestionControl = .system },
        KeywordCase("CongestionControl cubic") { $0.congestionControl = .named("cubic") },
        KeywordCase("RekeyLimit 1G") { $0.rekeyLimit = RekeyLimit(bytes: 1 << 30) },
        KeywordCase("Ciphers aes256-ctr,aes128-ctr") { $0.ciphers = ["aes256-ctr", "aes128-ctr"] },
        KeywordCase("Ciphers -*ctr") { $0.ciphers.removeLast() },
        KeywordCase("Ciphers +aes128-ctr") { $0.ciphers.append("aes128-ctr") },
        KeywordCase("Ciphers ^chacha20-poly1305@openssh.com") {
            $0.ciphers = [
                "chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr",
            ]
        },
        KeywordCase("MACs hmac-sha2-512") { $0.macs = ["hmac-sha2-512"] },
        KeywordCase("KexAlgorithms +diffie-hellman-group14-sha256") {
            $0.keyExchanges.append("diffie-hellman-group14-sha256")
        },
        KeywordCase("AddressPool 172.16.0.0/12") {
            $0.addressPool = IPPrefix(IPAddress(ipv4: 0xac10_0000), length: 12)
        },
        KeywordCase("AddressPool6 fd00::/64") { $0.addressPool6 = IPPrefix(IPAddress(bits: 0xfd << 120), length: 64) },
        KeywordCase("EgressInterface eth0") { $0.egressInterface = "eth0" },
        KeywordCase("TunDevice vpn1") { $0.tunDevice = "vpn1" },
        KeywordCase("MTU=1280") { $0.mtu = 1280 },
        KeywordCase("Loops 2") { $0.loops = 2 },
        KeywordCase("SudoNetworkConfiguration yes") { $0.usesSudo = true },
        KeywordCase("AllowNoIPv6 yes") { $0.allowsNoIPv6 = true },
        KeywordCase("SessionExpiry 1h") { $0.sessionExpiry = .seconds(3600) },
        KeywordCase("DNSResolver 192.0.2.53 2001:db8::53") {
            $0.dnsResolvers = [IPAddress(ipv4: 0xc000_0235), IPAddress(bits: 0x2001_0db8 << 96 | 0x53)]
        },
        KeywordCase("DenyNetworks none") { $0.deniedNetworks = .none },
        KeywordCase("DenyNetworks default, 198.51.100.0/24") {
            $0.deniedNetworks = try .init(parsing: "default,198.51.100.0/24")
        },
        KeywordCase("DenyNetworks 198.51.100.0/24 2001:db8::/32") {
            $0.deniedNetworks = try .init(parsing: "198.51.100.0/24,2001:db8::/32")
        },
        KeywordCase("PermitNetworks 198.51.100.0/24, 2001:db8::/32") {
            $0.permittedNetworks = try .init(parsing: "198.51.100.0/24,2001:db8::/32")
        },
        KeywordCase("DenyDomains ads.example Tracker.example") {
            $0.deniedDomains = [try .init(parsing: "ads.example"), try .init(parsing: "tracker.example")]
        },
        KeywordCase("PermitTCPPorts 53,80,443,1000-2000") {
            $0.permittedTCPPorts = PortSet([53...53, 80...80, 443...443, 1000...2000])
        },
        KeywordCase("PermitUDPPorts none") { $0.permittedUDPPorts = .none },
        KeywordCase("DNSFlowTracking yes") { $0.tracksDNSFlows = true },
        KeywordCase("PermitICMP both") { $0.permittedICMP = .both },
        KeywordCase("Refuse drop") { $0.refusals = .drop },
        KeywordCase("Fragments refuse") { $0.fragments = .refuse },
        KeywordCase("MaxFlows 100") { $0.maxFlows = 100 },
        KeywordCase("MaxFlowsPerKey 64") { $0.maxFlowsPerKey = 64 },
        KeywordCase("QueueLimit 512K") { $0.queueLimitInBytes = 512 << 10 },
        KeywordCase("StateDirectory /tmp/state") { $0.stateDirectory = "/tmp/state" },
        KeywordCase("ControlSocket /tmp/c.sock") { $0.controlSocket = "/tmp/c.sock" },
        KeywordCase("ControlSocket none") { $0.controlSocket = nil },
        KeywordCase("PidFile /run/pt.pid") { $0.pidFile = "/run/pt.pid" },
        KeywordCase("LogLevel debug") { $0.logLevel = .debug },
        KeywordCase("LogFormat json") { $0.logFormat = .json },
    ]

    @Test("a line changes its own setting and nothing else", arguments: cases)
    func setsItsValue(example: KeywordCase) throws {
        var expected = DaemonConfiguration()
        try example.change(&expected)
        let outcome = Outcome(example.line)
        #expect(outcome.problems == [])
        #expect(outcome.configuration == expected)
        #expect(expected != DaemonConfiguration())
    }

    @Test("what a line set is written out so that it is read back", arguments: cases)
    func survivesItsText(example: KeywordCase) throws {
        let configuration = try #require(Outcome(example.line).configuration)
        #expect(Outcome(configuration.text).configuration == configuration)
    }

    @Test(
        "0 means the default, and is written out as that",
        arguments: [("MTU", "1500"), ("SessionExpiry", "5m"), ("QueueLimit", "4M")]
    )
    func zero(keyword: String, standard: String) {
        let configuration = Outcome("\(keyword) 0").configuration
        #expect(configuration == DaemonConfiguration())
        #expect(configuration?.text.contains("\n\(keyword) \(standard)\n") == true)
    }

    @Test("the queue of the original is accepted, and one that holds no packet is not")
    func queueLimit() {
        #expect(Outcome("QueueLimit 524288").configuration?.queueLimitInBytes == 524_288)
        #expect(Outcome("QueueLimit 32768").configuration?.queueLimitInBytes == 32_768)
        #expect(Outcome("QueueLimit 4095").problems.count == 1)
        let problems = Outcome("MTU 9000\nQueueLimit 32K").problems
        #expect(problems.count == 1 && problems[0].contains("at MTU 9000"), "\(problems)")
    }

    @Test("keywords are known in any case", arguments: cases)
    func anyCase(example: KeywordCase) {
        let line = example.keyword.uppercased() + example.line.dropFirst(example.keyword.count)
        #expect(Outcome(line).configuration == Outcome(example.line).configuration)
    }

    @Test("each keyword of the table is tried here", arguments: KeywordTable.keywords.map(\.name))
    func isTried(name: String) {
        #expect(Self.cases.contains { $0.keyword == name })
    }

    @Test("each keyword without a value says how to write it", arguments: KeywordTable.keywords.map(\.name))
    func needsValue(name: String) throws {
        let problem = try #require(Outcome("\n\(name) # nothing").problems.first)
        #expect(problem.hasPrefix("/etc/pt/main.conf:2:1: \(name): has no value; write \(name) "))
    }

    @Test("each keyword refuses nonsense with file, line and column", arguments: KeywordTable.keywords.map(\.name))
    func refusesNonsense(name: String) throws {
        let row = try #require(KeywordTable.row(name))
        let nonsense =
            row.name == "AllowUsers" || row.name == "DenyUsers" ? "!" : row.name.hasSuffix("Socket") ? "''" : "%"
        guard !["TunDevice", "EgressInterface"].contains(row.name) else { return }
        let problem = try #require(Outcome("\(row.name) \(nonsense)").problems.first)
        #expect(problem.hasPrefix("/etc/pt/main.conf:1:\(row.name.count + 2): \(row.name): "))
    }

    @Test("an interface name the kernel would refuse is refused", arguments: ["TunDevice", "EgressInterface"])
    func interfaceNames(keyword: String) {
        for name in ["a/b", "sixteen-letters-", "..", "a:b", "\"a b\""] {
            #expect(Outcome("\(keyword) \(name)").problems.count == 1)
        }
    }

    @Test("the defaults are written out so that they are read back")
    func defaultsSurvive() {
        #expect(Outcome(DaemonConfiguration().text).configuration == DaemonConfiguration())
    }
}
