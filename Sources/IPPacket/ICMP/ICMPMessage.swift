/// The ICMP types that the tunnel knows by name (RFC 792, RFC 4443).
public enum ICMPMessage {
    /// Echo reply, ICMP.
    @inlinable public static var echoReply: UInt8 { 0 }
    /// Destination unreachable, ICMP; code 4 is "fragmentation needed" with the MTU in bytes 6 and 7 (RFC 1191).
    @inlinable public static var destinationUnreachable: UInt8 { 3 }
    /// Echo request, ICMP.
    @inlinable public static var echoRequest: UInt8 { 8 }
    /// Time exceeded, ICMP.
    @inlinable public static var timeExceeded: UInt8 { 11 }
    /// Parameter problem, ICMP.
    @inlinable public static var parameterProblem: UInt8 { 12 }
    /// The code of `destinationUnreachable` that carries an MTU.
    @inlinable public static var fragmentationNeeded: UInt8 { 4 }
    /// The code of `destinationUnreachable` for what an administrator forbids (RFC 1812 §5.2.7.1).
    @inlinable public static var prohibited: UInt8 { 13 }

    /// Destination unreachable, ICMPv6.
    @inlinable public static var destinationUnreachableV6: UInt8 { 1 }
    /// The code of `destinationUnreachableV6` for what an administrator forbids.
    @inlinable public static var prohibitedV6: UInt8 { 1 }
    /// Packet too big, ICMPv6, with the MTU in bytes 4 to 7.
    @inlinable public static var packetTooBig: UInt8 { 2 }
    /// Time exceeded, ICMPv6.
    @inlinable public static var timeExceededV6: UInt8 { 3 }
    /// Parameter problem, ICMPv6.
    @inlinable public static var parameterProblemV6: UInt8 { 4 }
    /// Echo request, ICMPv6.
    @inlinable public static var echoRequestV6: UInt8 { 128 }
    /// Echo reply, ICMPv6.
    @inlinable public static var echoReplyV6: UInt8 { 129 }

    /// True for an echo request or reply.
    @inlinable public static func isEcho(type: UInt8, version: IPVersion) -> Bool {
        switch version {
        case .v4: type == echoRequest || type == echoReply
        case .v6: type == echoRequestV6 || type == echoReplyV6
        }
    }

    /// True for the errors that quote a packet. Redirect and source quench, which no host should heed from afar, are
    /// left out (RFC 6633, RFC 1122 §3.2.2.2).
    @inlinable public static func isError(type: UInt8, version: IPVersion) -> Bool {
        switch version {
        case .v4: type == destinationUnreachable || type == timeExceeded || type == parameterProblem
        case .v6: (destinationUnreachableV6...parameterProblemV6).contains(type)
        }
    }
}
