internal import CLinuxTun
internal import Glibc
internal import IPPacket

/// Addresses as the kernel's bytes, and as the text of commands and messages.
extension IPAddress {
    /// `AF_INET` or `AF_INET6`.
    var family: UInt8 { UInt8(isIPv4 ? AF_INET : AF_INET6) }

    /// 32 or 128: the length of the prefix that is this address alone.
    var bitWidth: Int { isIPv4 ? 32 : 128 }

    /// 4 or 16 bytes in network order.
    var networkBytes: [UInt8] {
        let count = isIPv4 ? 4 : 16
        return (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt128((count - 1 - $0) * 8)) }
    }

    /// An address of 4 or 16 bytes in network order; nil for other lengths.
    init?(networkBytes bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        let bits = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        self = bytes.count == 4 ? IPAddress(ipv4: UInt32(bits)) : IPAddress(bits: bits)
    }

    /// The usual notation, as RFC 5952 wants it.
    var addressText: String {
        var text = [CChar](repeating: 0, count: 64)
        return networkBytes.withUnsafeBytes { bytes in
            inet_ntop(Int32(family), bytes.baseAddress, &text, socklen_t(text.count)).map { String(cString: $0) } ?? "?"
        }
    }

    /// Reads the usual notation of either family.
    init?(addressText text: some StringProtocol) {
        var bytes = [UInt8](repeating: 0, count: 16)
        let text = String(text)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.init(networkBytes: bytes.prefix(4))
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            self.init(networkBytes: bytes)
        } else {
            return nil
        }
    }
}

extension IPPrefix {
    /// For example `10.0.0.0/8`.
    var prefixText: String { "\(network.addressText)/\(length)" }

    /// Reads the notation of `prefixText`.
    init?(prefixText text: some StringProtocol) {
        let parts = text.split(separator: "/")
        guard parts.count == 2, let address = IPAddress(addressText: parts[0]), let length = Int(parts[1]),
            (0...address.bitWidth).contains(length)
        else { return nil }
        self.init(address, length: length)
    }

    /// Only this address.
    init(only address: IPAddress) {
        self.init(address, length: address.bitWidth)
    }
}
