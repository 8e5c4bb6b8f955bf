internal import Glibc

/// The options of `ssh_config(5)` that `-o` understands.
enum SSHClientOption: String, CaseIterable {
    case addressFamily = "AddressFamily"
    case batchMode = "BatchMode"
    case bindAddress = "BindAddress"
    case bindInterface = "BindInterface"
    case ciphers = "Ciphers"
    case compression = "Compression"
    case connectTimeout = "ConnectTimeout"
    case globalKnownHostsFile = "GlobalKnownHostsFile"
    case hostKeyAlgorithms = "HostKeyAlgorithms"
    case hostKeyAlias = "HostKeyAlias"
    case hostName = "HostName"
    case identitiesOnly = "IdentitiesOnly"
    case identityAgent = "IdentityAgent"
    case identityFile = "IdentityFile"
    case kexAlgorithms = "KexAlgorithms"
    case macs = "MACs"
    case port = "Port"
    case proxyCommand = "ProxyCommand"
    case proxyJump = "ProxyJump"
    case pubkeyAcceptedAlgorithms = "PubkeyAcceptedAlgorithms"
    case rekeyLimit = "RekeyLimit"
    case serverAliveCountMax = "ServerAliveCountMax"
    case serverAliveInterval = "ServerAliveInterval"
    case strictHostKeyChecking = "StrictHostKeyChecking"
    case user = "User"
    case userKnownHostsFile = "UserKnownHostsFile"

    /// The option of that name, whatever its case.
    init?(name: some StringProtocol) {
        let name = name.lowercased()
        guard let option = Self.allCases.first(where: { $0.rawValue.lowercased() == name }) else { return nil }
        self = option
    }

    /// The option that this one takes the place of, if it comes first.
    var rival: SSHClientOption? {
        switch self {
        case .proxyCommand: .proxyJump
        case .proxyJump: .proxyCommand
        default: nil
        }
    }

    /// What is wrong with a value; nil if nothing is. Algorithm names are judged later, by libssh.
    func problem(with value: String) -> String? {
        switch self {
        case .addressFamily:
            SSHClientValue.addressFamily(value) == nil ? "any, inet or inet6" : nil
        case .batchMode, .compression, .identitiesOnly:
            SSHClientValue.flag(value) == nil ? "yes or no" : nil
        case .connectTimeout, .serverAliveInterval:
            SSHClientValue.seconds(value) == nil ? "seconds, or a time such as 1m30s" : nil
        case .serverAliveCountMax:
            SSHClientValue.number(value, in: 1...1000) == nil ? "a number from 1 to 1000" : nil
        case .port:
            SSHClientValue.number(value, in: 1...65535) == nil ? "a number from 1 to 65535" : nil
        case .strictHostKeyChecking:
            SSHClientHostKeyPolicy(value) == nil ? "yes, no, accept-new or ask" : nil
        case .rekeyLimit:
            SSHClientValue.rekeyLimit(value) == nil ? "a size such as 1G, and a time if wanted" : nil
        case .proxyJump:
            value.lowercased() == "none" || JumpHost.list(value) != nil
                ? nil : "the form is [user@]host[:port], several with commas"
        default: nil
        }
    }
}

/// What to do about host keys that no `known_hosts` file has. A key that differs from a known one is always refused.
enum SSHClientHostKeyPolicy {
    case refuse
    case ask
    case accept

    init?(_ value: String) {
        switch value.lowercased() {
        case "yes", "true": self = .refuse
        case "ask": self = .ask
        // "no" goes on with a changed key too, at ssh; a tunnel for everything is the last thing to allow that.
        case "no", "false", "off", "accept-new": self = .accept
        default: return nil
        }
    }
}

/// Values of `ssh_config(5)`.
enum SSHClientValue {
    /// The `AF_…` number of a family.
    static func addressFamily(_ value: String) -> Int32? {
        switch value.lowercased() {
        case "any": AF_UNSPEC
        case "inet": AF_INET
        case "inet6": AF_INET6
        default: nil
        }
    }

    static func flag(_ value: String) -> Bool? {
        switch value.lowercased() {
        case "yes", "true": true
        case "no", "false": false
        default: nil
        }
    }

    static func number(_ value: some StringProtocol, in range: ClosedRange<Int>) -> Int? {
        guard value.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(value) else { return nil }
        return range.contains(number) ? number : nil
    }

    /// `90`, `90s`, `1m30s`, and `h`, `d`, `w`: sshd_config(5), TIME FORMATS.
    static func seconds(_ value: some StringProtocol) -> Int? {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800]
        guard !value.isEmpty else { return nil }
        var total = 0
        var rest = value.lowercased()[...]
        while !rest.isEmpty {
            let digits = rest.prefix(while: { ("0"..."9").contains($0) })
            rest = rest.dropFirst(digits.count)
            guard let number = number(digits, in: 0...10_000_000), let unit = units[rest.popFirst() ?? "s"] else {
                return nil
            }
            total += number * unit
        }
        return total <= Int(Int32.max) ? total : nil
    }

    /// `1G`, `default 1h`, `500M none`: bytes and seconds, 0 for what stays at the library's own limit.
    static func rekeyLimit(_ value: String) -> (bytes: UInt64, seconds: UInt32)? {
        let words = value.split(whereSeparator: \.isWhitespace)
        guard let size = words.first, words.count <= 2 else { return nil }
        var bytes: UInt64 = 0
        if size.lowercased() != "default" {
            let shifts: [Character: UInt64] = ["k": 10, "m": 20, "g": 30]
            let shift = size.last.flatMap { shifts[Character($0.lowercased())] }
            guard let number = number(shift == nil ? size : size.dropLast(), in: 1...(1 << 32)) else { return nil }
            bytes = UInt64(number) << (shift ?? 0)
        }
        guard words.count == 2, words[1].lowercased() != "none" else { return (bytes, 0) }
        guard let seconds = seconds(words[1]) else { return nil }
        return (bytes, UInt32(seconds))
    }
}
