/// An ordered byte stream to the other side: an SSH channel, a socket, a pipe.
///
/// It belongs to one loop; every call in either direction is made on that loop's thread.
public protocol PacketTransport: AnyObject {
    /// The loop that owns the transport.
    var loop: any PacketLoop { get }

    /// Bytes that `write` takes now without holding them back. 0 while earlier output is still unsent.
    var writableByteCount: Int { get }

    /// Asks for a call of `transportDidBecomeWritable` as soon as `writableByteCount` is not 0. For transports that do not make
    /// that call unasked.
    func notifyWhenWritable()

    /// The most bytes that one `write` sends as one message; writing more in one call gains nothing.
    var preferredWriteSize: Int { get }

    /// What keeps others out of the stream, where the transport itself does; nil where something else does, or nothing.
    var security: TransportSecurity? { get }

    /// Where the other side is, for log lines: an address without port. Nil where that is not known.
    var peerAddress: String? { get }

    /// What is known of the network path below; nil where nothing is.
    var path: TransportPath? { get }

    /// Sends `bytes`. Each call is one message on transports that keep boundaries. Never calls the receiver back before
    /// it returns.
    ///
    /// - Returns: the bytes taken, from the front; fewer than given when the other side has granted no more.
    func write(_ bytes: RawSpan) -> Int

    /// Names the object that hears of arriving bytes, of room to write, and of the end. Held strongly until the end.
    func setReceiver(_ receiver: any PacketTransportReceiver)

    /// Ends the stream. `transportDidClose` follows, not before this returns. Idempotent.
    func close()

    /// The same, and tells the other side why, where there is a way to.
    func close(telling reason: String)
}

extension PacketTransport {
    /// Nil: a stream of bytes and no more.
    public var security: TransportSecurity? { nil }
    /// Nil: nothing is known.
    public var peerAddress: String? { nil }
    /// Nil: nothing is known.
    public var path: TransportPath? { nil }
    /// Does nothing: for transports that say by themselves when there is room again.
    public func notifyWhenWritable() {}
}

/// The core's side of a `PacketTransport`. Calls come on the transport's loop.
public protocol PacketTransportReceiver: AnyObject {
    /// Bytes arrived. They may be changed in place; they are gone when the call returns.
    func transportDidReceive(_ bytes: inout MutableRawSpan)

    /// Nothing more arrives in this turn of the loop. A transport calls it after the last `transportDidReceive` of each turn, or
    /// never: once it has, packets wait for it, to travel together.
    func transportDidFinishReceiving()

    /// There is room again after `writableByteCount` was 0 and somebody asked to be notified, or after `write` took less than it
    /// was given. May come at other times, too.
    func transportDidBecomeWritable()

    /// The stream has ended; nothing follows. `reason` is for a log line.
    func transportDidClose(reason: String)
}

extension PacketTransport {
    /// Tells nothing.
    public func close(telling reason: String) { close() }
}

extension PacketTransportReceiver {
    /// Does nothing: for receivers that keep nothing back.
    public func transportDidFinishReceiving() {}
}
