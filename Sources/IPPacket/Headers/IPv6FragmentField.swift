/// Where the fields of a fragment header stand (RFC 8200 §4.5) that follows an IPv6 header, in bytes from the start of the packet.
public enum IPv6FragmentField {
    /// What follows the fragment header: a `TransportProtocol`.
    @inlinable public static var nextHeader: Int { 40 }
    /// The fragment offset and the flag for more, 16 bits.
    @inlinable public static var offsetAndMore: Int { 42 }
    /// What the fragments of one datagram have in common, 32 bits.
    @inlinable public static var identification: Int { 44 }
    /// Bytes of both headers.
    @inlinable public static var headersLength: Int { 48 }
}
