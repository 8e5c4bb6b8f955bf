/// What went wrong between two SSH peers, or before one could be reached.
///
/// The kind decides what a program does about it; the reason is for a person, one clause without a full stop.
public struct SSHError: Error, CustomStringConvertible, Sendable, Equatable {
    /// What a program can tell apart.
    public enum Kind: Sendable, Equatable {
        /// A setting that cannot work: an unknown cipher, an address that is none.
        case configuration
        /// A host key that is missing, unreadable, open to others, or not the expected one.
        case hostKey
        /// The other side does not let us in, or we do not let it in.
        case authentication
        /// No connection, or it has ended.
        case connection
        /// The other side refused a channel, with the code of RFC 4254 §5.1.
        case channelRefused(ChannelOpenFailure)
        /// Out of memory, descriptors or threads.
        case resources
    }

    /// What a program can tell apart.
    public let kind: Kind
    /// What a person is told.
    public let reason: String

    /// An error of `kind`.
    public init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    /// The reason.
    public var description: String { reason }
}

/// Why a channel was not opened: the codes of RFC 4254 §5.1, and whatever else a peer sends.
public struct ChannelOpenFailure: RawRepresentable, Sendable, Hashable {
    /// The code on the wire.
    public let rawValue: UInt32

    /// A failure from its code.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Policy says no.
    public static let administrativelyProhibited = ChannelOpenFailure(rawValue: 1)
    /// What the channel leads to cannot be reached.
    public static let connectFailed = ChannelOpenFailure(rawValue: 2)
    /// Nobody here knows the type.
    public static let unknownChannelType = ChannelOpenFailure(rawValue: 3)
    /// Too many already.
    public static let resourceShortage = ChannelOpenFailure(rawValue: 4)
    /// The peer confirmed the open and announced a packet maximum that no data fits in.
    public static let unusablePacketMaximum = ChannelOpenFailure(rawValue: .max)
}
