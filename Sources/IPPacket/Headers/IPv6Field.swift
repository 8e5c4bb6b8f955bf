/// Where the fields of an IPv6 header stand (RFC 8200 §3), in bytes from its start.
public enum IPv6Field {
    /// Version, traffic class and flow label, 32 bits.
    @inlinable public static var versionAndFlow: Int { 0 }
    /// Bytes that follow the header, 16 bits.
    @inlinable public static var payloadLength: Int { 4 }
    /// What follows the header: a `TransportProtocol`, or an extension header.
    @inlinable public static var nextHeader: Int { 6 }
    /// Hop limit.
    @inlinable public static var hopLimit: Int { 7 }
    /// Source address, 128 bits.
    @inlinable public static var source: Int { 8 }
    /// Destination address, 128 bits.
    @inlinable public static var destination: Int { 24 }
    /// Bytes of the header.
    @inlinable public static var headerLength: Int { 40 }
}
