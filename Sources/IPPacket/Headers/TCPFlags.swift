/// The flag bits of byte 13 of a TCP header (RFC 9293 §3.1), as `PacketSummary.tcpFlags` holds them.
public enum TCPFlags {
    /// No more data from the sender.
    @inlinable public static var fin: UInt8 { 0x01 }
    /// Synchronises sequence numbers.
    @inlinable public static var syn: UInt8 { 0x02 }
    /// Ends the connection at once.
    @inlinable public static var rst: UInt8 { 0x04 }
    /// Hand the data on to the application.
    @inlinable public static var psh: UInt8 { 0x08 }
    /// The acknowledgement number counts.
    @inlinable public static var ack: UInt8 { 0x10 }
    /// The urgent pointer counts.
    @inlinable public static var urg: UInt8 { 0x20 }
    /// Congestion echo (RFC 3168).
    @inlinable public static var ece: UInt8 { 0x40 }
    /// Congestion window reduced (RFC 3168).
    @inlinable public static var cwr: UInt8 { 0x80 }
}
