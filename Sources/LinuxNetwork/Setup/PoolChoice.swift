public import IPPacket

/// Address pools for a server that leaves the choice to the program.
public enum PoolChoice {
    /// Ranges whose addresses mean nothing outside of a host's own network, in the order in which they are tried: private
    /// (RFC 1918), carrier-grade (RFC 6598), benchmarking (RFC 2544).
    static let ranges = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"]
        .compactMap { IPPrefix($0) }
    /// The smallest part of a range that is worth taking: 4,092 sessions.
    static let longestPrefix = 20

    /// A pool of which the host uses nothing.
    ///
    /// - Parameter preferred: the pool that is taken if it is free. It says the family.
    /// - Throws: `NetworkSetupError` of the kind `poolClash` if nothing is free.
    public static func choose(_ preferred: IPPrefix, among claims: HostClaims) throws(NetworkSetupError) -> IPPrefix {
        if claims.clash(with: preferred) == nil { return preferred }
        let isIPv4 = preferred.network.isIPv4
        if let free = isIPv4 ? freeIPv4(claims) : neighbours(of: preferred, claims) { return free }
        let keyword = isIPv4 ? "AddressPool" : "AddressPool6"
        throw NetworkSetupError(
            .poolClash,
            "the host uses every network that \(keyword) auto could take",
            advice: "name one with \(keyword)"
        )
    }

    /// A whole range, or else the largest part of one. Parts come last: where some of a range is used, the rest of it may
    /// be, too, behind a router.
    private static func freeIPv4(_ claims: HostClaims) -> IPPrefix? {
        if let whole = ranges.first(where: { claims.clash(with: $0) == nil }) { return whole }
        for length in 9...longestPrefix {
            for range in ranges where range.length < length {
                let part = (0..<UInt128(1) << UInt128(length - range.length)).lazy.map { number in
                    IPPrefix(IPAddress(bits: range.network.bits | number << UInt128(32 - length)), length: length)
                }
                if let free = part.first(where: { claims.clash(with: $0) == nil }) { return free }
            }
        }
        return nil
    }

    /// Networks of the same size behind the preferred one, in its unique local range (RFC 4193).
    private static func neighbours(of preferred: IPPrefix, _ claims: HostClaims) -> IPPrefix? {
        let step = UInt128(1) << UInt128(128 - preferred.length)
        // The first one holds the address that clients have by default.
        return (2..<256).lazy
            .map { IPPrefix(IPAddress(bits: preferred.network.bits + $0 * step), length: preferred.length) }
            .first { claims.clash(with: $0) == nil }
    }
}
