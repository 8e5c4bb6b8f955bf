/// What a transport knows of the network path of what it sends. The core has packets wait by its round trip, no longer than
/// suits that, and as many as its window lets arrive at once; the rest is for people to read.
public struct TransportPath: Codable, Hashable, Sendable {
    /// The congestion control in force, by the kernel's name.
    public var congestionControl: String
    /// Microseconds of the shortest round trip lately; 0 before the first.
    public var roundTripMicroseconds: Int
    /// Bytes of a thousand that had to be sent again lately.
    public var lossPermille: Double
    /// Bytes that the congestion window lets be under way; 0 where it is not known.
    public var windowBytes: Int

    /// What was measured.
    public init(congestionControl: String, roundTripMicroseconds: Int, lossPermille: Double, windowBytes: Int = 0) {
        self.congestionControl = congestionControl
        self.roundTripMicroseconds = roundTripMicroseconds
        self.lossPermille = lossPermille
        self.windowBytes = windowBytes
    }
}
