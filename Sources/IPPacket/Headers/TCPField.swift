/// Where the fields of a TCP header stand (RFC 9293 §3.1), in bytes from its start.
public enum TCPField {
    /// Source port, 16 bits.
    @inlinable public static var sourcePort: Int { 0 }
    /// Destination port, 16 bits.
    @inlinable public static var destinationPort: Int { 2 }
    /// Sequence number, 32 bits.
    @inlinable public static var sequence: Int { 4 }
    /// Acknowledgement number, 32 bits.
    @inlinable public static var acknowledgement: Int { 8 }
    /// Length of the header in words, in the upper four bits.
    @inlinable public static var dataOffset: Int { 12 }
    /// The bits of `TCPFlags`.
    @inlinable public static var flags: Int { 13 }
    /// Window, 16 bits.
    @inlinable public static var window: Int { 14 }
    /// Checksum, 16 bits.
    @inlinable public static var checksum: Int { 16 }
    /// Urgent pointer, 16 bits.
    @inlinable public static var urgentPointer: Int { 18 }
    /// The options, up to what `dataOffset` says; also the bytes of a header without any.
    @inlinable public static var options: Int { 20 }
}
