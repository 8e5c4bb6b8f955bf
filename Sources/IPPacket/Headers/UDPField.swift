/// Where the fields of a UDP header stand (RFC 768), in bytes from its start.
public enum UDPField {
    /// Source port, 16 bits.
    @inlinable public static var sourcePort: Int { 0 }
    /// Destination port, 16 bits.
    @inlinable public static var destinationPort: Int { 2 }
    /// Bytes of the header and the payload, 16 bits.
    @inlinable public static var length: Int { 4 }
    /// Checksum, 16 bits; 0 for none.
    @inlinable public static var checksum: Int { 6 }
    /// Bytes of the header.
    @inlinable public static var headerLength: Int { 8 }
}
