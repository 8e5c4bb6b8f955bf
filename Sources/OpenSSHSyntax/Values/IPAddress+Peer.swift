public import IPPacket

extension IPAddress {
    /// The address that the system reports for a peer: perhaps with a zone, which no rule names, and perhaps an IPv4 address
    /// in the form of a dual-stack socket. Not for what people write: a rule has one spelling, see `PrefixText`.
    ///
    /// - Returns: nil if the text is no address.
    public init?(peer text: String) {
        let bare = text.parts(at: "%", maxSplits: 1)[0]
        let mapped = bare.lowercased().rest(after: "::ffff:") ?? ""
        guard let address = IPAddress(bare) ?? (mapped.hasByte(of: ".") ? IPAddress(mapped) : nil) else { return nil }
        self = address
    }
}
