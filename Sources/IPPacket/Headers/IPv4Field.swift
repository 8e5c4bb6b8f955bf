/// Where the fields of an IPv4 header without options stand (RFC 791 §3.1), in bytes from its start.
public enum IPv4Field {
    /// Version, and length of the header in words.
    @inlinable public static var versionAndLength: Int { 0 }
    /// Type of service: DSCP and ECN.
    @inlinable public static var typeOfService: Int { 1 }
    /// Bytes of the whole packet, 16 bits.
    @inlinable public static var totalLength: Int { 2 }
    /// What the fragments of one datagram have in common, 16 bits.
    @inlinable public static var identification: Int { 4 }
    /// Three flags and the fragment offset, 16 bits.
    @inlinable public static var fragment: Int { 6 }
    /// Time to live.
    @inlinable public static var timeToLive: Int { 8 }
    /// What follows the header: a `TransportProtocol`.
    @inlinable public static var transport: Int { 9 }
    /// Checksum of the header, 16 bits.
    @inlinable public static var checksum: Int { 10 }
    /// Source address, 32 bits.
    @inlinable public static var source: Int { 12 }
    /// Destination address, 32 bits.
    @inlinable public static var destination: Int { 16 }
    /// Bytes of the header.
    @inlinable public static var headerLength: Int { 20 }
}
