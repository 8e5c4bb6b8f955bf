/// Where the fields of an ICMP message of either family stand (RFC 792, RFC 4443 §2.1), in bytes from its start.
public enum ICMPField {
    /// Type.
    @inlinable public static var type: Int { 0 }
    /// Code.
    @inlinable public static var code: Int { 1 }
    /// Checksum, 16 bits.
    @inlinable public static var checksum: Int { 2 }
    /// The identifier of an echo, 16 bits; nothing, or an MTU, in an error.
    @inlinable public static var identifier: Int { 4 }
    /// Bytes of the header.
    @inlinable public static var headerLength: Int { 8 }
}
