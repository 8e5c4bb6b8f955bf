public import IPPacket

/// The resolvers of this host, for a daemon whose configuration names none.
public enum SystemResolvers {
    /// The file that programs of this host take their resolvers from.
    public static let file = "/etc/resolv.conf"

    /// The resolvers named in a file that can be reached from a tunnel.
    ///
    /// One on a loopback or link-local address, as a local cache has, is left out: the kernel forwards nothing there.
    /// Reads the file anew at each call; empty if it cannot be read.
    public static func addresses(in path: String = file) -> [IPAddress] {
        guard let bytes = try? DiskSource().contents(of: path) else { return [] }
        return parse(String(decoding: bytes, as: UTF8.self))
    }

    static func parse(_ text: String) -> [IPAddress] {
        var found: [IPAddress] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split { $0 == " " || $0 == "\t" }
            guard words.count >= 2, words[0] == "nameserver", let address = IPAddress(words[1]) else { continue }
            let isReachable = ReservedRange.overlapping(IPPrefix(address, length: address.isIPv4 ? 32 : 128)) == nil
            if isReachable, !found.contains(address) { found.append(address) }
        }
        return found
    }
}
