/// An IPv4 or IPv6 address.
///
/// An IPv4 address is kept in the form `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2), so that one comparison of 128 bits serves
/// both families. A packet whose IPv6 header carries such an address is refused by `PacketSummary`'s users through
/// its version, never confused with IPv4.
@frozen public struct IPAddress: Hashable, Sendable {
    // Two words and not one UInt128: Swift 6.3 crashes on x86-64 in async functions and closures that pass UInt128 values
    // on the stack, wherever an odd number of words lies beside them.
    @usableFromInline var high: UInt64
    @usableFromInline var low: UInt64

    /// The address, in host order.
    @inlinable public var bits: UInt128 {
        get { UInt128(high) << 64 | UInt128(low) }
        set {
            high = UInt64(truncatingIfNeeded: newValue >> 64)
            low = UInt64(truncatingIfNeeded: newValue)
        }
    }

    @usableFromInline static var mappedPrefix: UInt128 { 0xffff_0000_0000 }

    /// An IPv6 address, or a mapped IPv4 address, from its bits.
    @inlinable public init(bits: UInt128) {
        high = UInt64(truncatingIfNeeded: bits >> 64)
        low = UInt64(truncatingIfNeeded: bits)
    }

    /// An IPv4 address from its 32 bits in host order.
    @inlinable public init(ipv4: UInt32) {
        self.init(bits: Self.mappedPrefix | UInt128(ipv4))
    }

    /// True for an address of the form `::ffff:a.b.c.d`.
    @inlinable public var isIPv4: Bool { bits >> 32 == 0xffff }

    /// The 32 bits of an IPv4 address in host order; the low 32 bits of any other.
    @inlinable public var ipv4: UInt32 { UInt32(truncatingIfNeeded: bits) }
}

/// A prefix of either family. IPv4 prefixes are kept as mapped ones, 96 bits longer.
@frozen public struct IPPrefix: Hashable, Sendable {
    /// The network's first address; all bits below the prefix are 0.
    public var network: IPAddress
    /// Leading bits that count, in the family's own measure: 0 to 32, or 0 to 128.
    public var length: Int

    @usableFromInline var maskBits: IPAddress

    @inlinable var mask: UInt128 { maskBits.bits }

    /// The prefix of `length` bits that `address` lies in.
    public init(_ address: IPAddress, length: Int) {
        precondition((0...(address.isIPv4 ? 32 : 128)).contains(length))
        let bits = address.isIPv4 ? length + 96 : length
        maskBits = IPAddress(bits: bits == 0 ? 0 : UInt128.max << UInt128(128 - bits))
        network = IPAddress(bits: address.bits & maskBits.bits)
        self.length = length
    }

    // Short IPv6 prefixes of zeros, `::/0` above all, hold the mapped addresses; what an administrator writes in one
    // family must not reach into the other.

    /// True if `address` is of the prefix's family and lies in it.
    @inlinable public func contains(_ address: IPAddress) -> Bool {
        address.bits & mask == network.bits && address.isIPv4 == network.isIPv4
    }

    /// True if the two are of one family and share an address.
    @inlinable public func overlaps(_ other: IPPrefix) -> Bool {
        (network.bits ^ other.network.bits) & mask & other.mask == 0 && other.network.isIPv4 == network.isIPv4
    }
}
