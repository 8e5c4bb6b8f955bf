/// A TCP segment that the tunnel sends in the place of one end of a connection.
public struct TCPSegment: Sendable {
    /// Bytes of the timestamps option with its padding.
    private static let timestampsLength = 12
    /// Two of padding, kind, and length.
    private static let timestampsPrefix: UInt32 = 0x0101_080a

    private let version: IPVersion
    private let source: IPAddress
    private let destination: IPAddress
    private let sourcePort: UInt16
    private let destinationPort: UInt16
    private let sequence: UInt32
    private let acknowledgement: UInt32
    private let flags: UInt8
    /// TSval and TSecr (RFC 7323 §3.2).
    private var timestamps: (value: UInt32, echo: UInt32)?

    /// An answer to `packet` by whom it was sent to: it goes on where the sender expects, and acknowledges all of it.
    ///
    /// - Parameters:
    ///   - summary: what `PacketSummary(validating:)` said of the packet, which has to be TCP.
    ///   - flags: the answer's; `TCPFlags` has the bits.
    public init(answering packet: RawSpan, summary: PacketSummary, flags: UInt8) {
        precondition(summary.transport == .tcp)
        let header = packet.slice(at: summary.ipHeaderLength, count: summary.transportHeaderLength)
        let end = summary.tcpFlags & (TCPFlags.fin | TCPFlags.syn) != 0 ? 1 : 0
        version = summary.version
        source = summary.destination
        destination = summary.source
        sourcePort = summary.destinationPort
        destinationPort = summary.sourcePort
        sequence = header.uint32(at: TCPField.acknowledgement)
        acknowledgement = header.uint32(at: TCPField.sequence) &+ UInt32(summary.payloadLength + end)
        self.flags = flags
        // A receiver may drop what lacks the option once it was agreed on, but for resets (RFC 7323 §3.2).
        if flags & TCPFlags.rst == 0, let theirs = Self.timestamps(in: header) {
            timestamps = (theirs.echo, theirs.value)
        }
    }

    /// A reset in the place of the packet that `summary` describes, from `source` to its destination.
    ///
    /// - Parameter sequence: the number that the receiver expects; another one would not count (RFC 5961 §3.2).
    public init(resetting summary: PacketSummary, source: IPAddress, sequence: UInt32) {
        version = summary.version
        self.source = source
        destination = summary.destination
        sourcePort = summary.sourcePort
        destinationPort = summary.destinationPort
        self.sequence = sequence
        acknowledgement = 0
        flags = TCPFlags.rst
    }

    /// Bytes before the payload.
    public var headerLength: Int { ipHeaderLength + transportHeaderLength }

    private var ipHeaderLength: Int { IPHeader.length(version) }
    private var transportHeaderLength: Int { TCPField.options + (timestamps == nil ? 0 : Self.timestampsLength) }

    /// Writes the headers in front of a payload that stands at `headerLength` already.
    ///
    /// - Returns: bytes of the whole packet, from the front of `output`, which has to have room for them.
    public func write(into output: inout MutableRawSpan, payloadLength: Int = 0) -> Int {
        let length = headerLength + payloadLength
        IPHeader(version, from: source, to: destination, .tcp).write(into: &output, packetLength: length)
        let start = ipHeaderLength
        output.store(sourcePort, at: start + TCPField.sourcePort)
        output.store(destinationPort, at: start + TCPField.destinationPort)
        output.store(sequence, at: start + TCPField.sequence)
        output.store(flags & TCPFlags.ack == 0 ? 0 : acknowledgement, at: start + TCPField.acknowledgement)
        output.store(UInt8(transportHeaderLength / 4) << 4, at: start + TCPField.dataOffset)
        output.store(flags, at: start + TCPField.flags)
        output.store(flags & TCPFlags.rst == 0 ? UInt16.max : 0, at: start + TCPField.window)
        // The checksum and the urgent pointer behind it.
        output.store(UInt32(0), at: start + TCPField.checksum)
        if let timestamps {
            let option = start + TCPField.options
            output.store(Self.timestampsPrefix, at: option)
            output.store(timestamps.value, at: option + 4)
            output.store(timestamps.echo, at: option + 8)
        }
        let pseudo = InternetChecksum.pseudoHeaderSum(
            source: source,
            destination: destination,
            protocol: .tcp,
            length: length - start,
            version: version
        )
        let sum = InternetChecksum.sum(output.bytes.slice(at: start, count: length - start), initial: pseudo)
        output.store(~InternetChecksum.fold(sum), at: start + TCPField.checksum)
        return length
    }

    private static func timestamps(in header: RawSpan) -> (value: UInt32, echo: UInt32)? {
        var options = TCPOptions(header, from: TCPField.options)
        while let option = options.next() {
            guard option.kind == TCPOptions.Kind.timestamps, option.valueLength == 8 else { continue }
            return (header.uint32(at: option.valueOffset), header.uint32(at: option.valueOffset + 4))
        }
        return nil
    }
}
