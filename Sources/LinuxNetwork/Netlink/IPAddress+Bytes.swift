internal import CLinuxNetwork
internal import Glibc
internal import IPPacket

/// Addresses as the kernel's bytes.
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
}

extension IPPrefix {
    /// Only this address.
    init(only address: IPAddress) {
        self.init(address, length: address.bitWidth)
    }
}
