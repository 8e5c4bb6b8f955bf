public import PacketTunnel

/// How much may be on its way through a channel, and whether its messages have boundaries.
public struct SSHChannelOptions: Sendable {
    /// Bytes that the peer may send us beyond the library's own first window of 32 or 64 KB. What has been taken is granted
    /// back in steps of an eighth. 0 leaves the window to the library, which caps a path of 100 ms at 50 Mbit/s.
    ///
    /// 32 MiB carry 1.3 Gbit/s over 200 ms. It is what a hostile peer can make us read, not store: everything is
    /// consumed at once.
    public var extraReceiveWindow: UInt32 = 32 << 20

    /// The peer is granted more by `SSHChannel.grant` alone: for a receiver that cannot drop what it has no room for.
    public var grantsByHand = false

    /// Each write is one message or none: `tun@openssh.com`. OpenSSH itself is sent no more at once then than suits it,
    /// and the 4 bytes are accounted for that it charges for each message beyond its data.
    public var carriesDatagrams = false

    /// Whether the peer's end of file ends the channel. Nothing can follow on a tunnel.
    public var closesAtEndOfFile = true

    /// Everything at its default.
    public init() {}

    /// What suits a tunnel of `framing`.
    public init(for framing: ChannelFraming) {
        carriesDatagrams = framing == .openSSH
    }
}
