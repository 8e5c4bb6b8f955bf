public import IPPacket
internal import OpenSSHSyntax

/// The resolvers of this host, for a daemon whose configuration names none: those that packets of clients can be sent to,
/// and why the others are left out.
public struct SystemResolvers: Equatable, Sendable {
    /// Where programs of this host take their resolvers from, then where the programs behind a local stub note whom they
    /// ask themselves: systemd-resolved, NetworkManager. The first file that names a resolver for clients counts.
    public static let files = [
        "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf",
    ]

    /// More than anybody has; programs themselves use three.
    static let limit = 16

    /// A resolver that clients cannot be sent to.
    public struct Unusable: Equatable, Sendable {
        /// What the file says.
        public var text: String
        /// Why not.
        public var reason: String
        /// It is on this host, as a stub is.
        public var isLocal: Bool
    }

    /// Resolvers for clients, in the file's order. May be empty.
    public var addresses: [IPAddress]
    /// Those left out, of the first file that could be read.
    public var unusable: [Unusable]
    /// The file that names `addresses`; the first one if none does.
    public var file: String

    /// Reads the files as they are now.
    public static func read(_ files: [String] = files) -> SystemResolvers {
        var found = SystemResolvers(addresses: [], unusable: [], file: files.first ?? "")
        for file in files {
            guard let bytes = try? DiskSource().contents(of: file) else { continue }
            let parsed = SystemResolvers(parsing: String(decoding: bytes, as: UTF8.self), file: file)
            if found.unusable.isEmpty { found.unusable = parsed.unusable }
            guard !parsed.addresses.isEmpty else { continue }
            found.addresses = parsed.addresses
            found.file = file
            break
        }
        return found
    }

    /// Which resolvers of this host are left out although no local stub stands for them; nil if there is none.
    public var omission: String? {
        let reasons = unusable.filter { !$0.isLocal }.map { "\($0.text) \($0.reason)" }
        return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    }

    /// Why clients have no resolver, and what to do; nil if they have one.
    public var problem: String? {
        guard addresses.isEmpty else { return nil }
        let reasons = unusable.map { "\($0.text) \($0.reason)" }
        let known = reasons.isEmpty ? "\(file) names none" : reasons.joined(separator: "; ")
        return "no resolver for clients: \(known); set DNSResolver"
    }

    /// What a file in the form of resolv.conf(5) names.
    init(parsing text: String, file: String) {
        self.init(addresses: [], unusable: [], file: file)
        for line in text.parts(at: "\n", omittingEmpty: true) {
            let words = line.parts(at: " ", "\t", "\r", omittingEmpty: true)
            guard words.count >= 2, words[0] == "nameserver" else { continue }
            // A zone names the link on which a link-local address is meant (RFC 4007 §11).
            guard let address = IPAddress(words[1].parts(at: "%", maxSplits: 1)[0]) else { continue }
            if let reason = ReservedRange.reasonAgainstResolver(address) {
                guard unusable.count < Self.limit else { continue }
                let isLocal = address.isIPv4 ? address.ipv4 >> 24 == 127 : address.bits <= 1
                unusable.append(Unusable(text: String(words[1].prefix(64)), reason: reason, isLocal: isLocal))
            } else if !addresses.contains(address), addresses.count < Self.limit {
                addresses.append(address)
            }
        }
    }

    private init(addresses: [IPAddress], unusable: [Unusable], file: String) {
        self.addresses = addresses
        self.unusable = unusable
        self.file = file
    }
}

extension ReservedRange {
    /// Why packets of clients cannot be sent to a resolver at this address; nil if they can.
    ///
    /// 169.254.0.0/16 is link-local, but IPv4 forwards it, and clouds have resolvers there.
    static func reasonAgainstResolver(_ address: IPAddress) -> String? {
        let linkLocal4 = IPPrefix(IPAddress(ipv4: 0xa9fe_0000), length: 16)
        if linkLocal4.contains(address) { return nil }
        let linkLocal6 = IPPrefix(IPAddress(bits: 0xfe80 << 112), length: 10)
        if linkLocal6.contains(address) { return "is link-local" }
        return overlapping(IPPrefix(address, length: address.isIPv4 ? 32 : 128)).map { "lies in \($0)" }
    }
}
