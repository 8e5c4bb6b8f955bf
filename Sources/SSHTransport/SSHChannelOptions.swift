public import PacketTunnel

/// How much may be on its way through a channel, and whether its messages have boundaries.
public struct SSHChannelOptions: Sendable {
    /// Bytes that the peer may send us beyond the library's own 1.28 MB, which caps a path of 100 ms at 50 Mbit/s.
    ///
    /// 8 MiB carry 640 Mbit/s over 100 ms. It is what a hostile peer can make us read, not store: everything is
    /// consumed at once.
    public var extraReceiveWindow: UInt32 = 8 << 20

    /// The most bytes on their way to the peer, whatever it grants. From 256 KiB (peers grant in steps of up to 96 KiB)
    /// to 64 MiB (the library adds grants without looking for an overflow).
    public var sendWindowLimit: UInt32 = 64 << 20

    /// The same for a peer that is OpenSSH, which is the slower the longer its queue is. Nil: no other limit for it.
    public var sendWindowLimitOfOpenSSH: UInt32?

    /// Each write is one message or none: `tun@openssh.com`.
    public var carriesDatagrams = false

    /// Whether the peer's end of file ends the channel. Nothing can follow on a tunnel.
    public var closesAtEndOfFile = true

    /// Everything at its default.
    public init() {}

    /// What suits a tunnel of `framing`.
    ///
    /// OpenSSH drains its tunnel one datagram a turn, slower the longer its queue is: of 128, 256, 512 KiB and 2 MiB,
    /// 256 KiB is the fastest by far, and the shortest queue that does not starve it. Other peers may grant in larger
    /// steps than that, as libssh does, and would never grant again.
    public init(for framing: ChannelFraming) {
        guard framing == .openSSH else { return }
        carriesDatagrams = true
        sendWindowLimitOfOpenSSH = 256 << 10
    }
}
