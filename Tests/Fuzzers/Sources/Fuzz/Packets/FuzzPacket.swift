import IPPacket
import PacketTunnelTestKit

@testable import PacketTunnel

/// Any bytes as a packet: parsing reads nothing beyond them, and rewriting leaves right checksums right and can be undone.
func fuzzPacket(_ input: Input) -> Int32 {
    var input = input
    let isPartial = input.byte() & 1 != 0
    let packet = input.rest()
    guard let summary = withExactMemory(packet, { parse($0) }) else { return 0 }
    check(summary.packetLength == packet.count && summary.payloadLength >= 0, "lengths agree")
    let isValid = PacketBuilder.checksumsAreValid(packet)
    check(
        isValid == InternetChecksum.isValid(packet.span.bytes, summary: summary) || hasBrokenHeader(packet),
        "two opinions"
    )
    rewrite(packet, summary, isPartial: isPartial, isValid: isValid)
    clampAndMark(packet, summary, isValid: isValid)
    withExactMemory(packet) { memory in
        let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(memory))
        guard let quoted = QuotedFlow(in: bytes, summary: summary) else { return }
        check(quoted.transportOffset + 8 <= packet.count, "eight bytes of the quoted transport header are there")
    }
    return 0
}

private func parse(_ memory: UnsafeMutableRawBufferPointer) -> PacketSummary? {
    try? PacketSummary(validating: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(memory)))
}

/// `InternetChecksum.isValid` speaks of both checksums; which one is wrong does not matter here.
private func hasBrokenHeader(_ packet: [UInt8]) -> Bool { packet[0] >> 4 == 4 }

private func rewrite(_ packet: [UInt8], _ original: PacketSummary, isPartial: Bool, isValid: Bool) {
    let isIPv4 = original.version == .v4
    // A mapped source in an IPv6 packet is refused before anything is rewritten.
    guard original.source.isIPv4 == isIPv4, original.destination.isIPv4 == isIPv4 else { return }
    let source = isIPv4 ? IPAddress(ipv4: 0x0a01_0203) : IPAddress(bits: 0xfd00 << 112 | 0x1_0203)
    let destination = isIPv4 ? IPAddress(ipv4: 0xfffe_fdfc) : IPAddress(bits: .max - 5)
    withExactMemory(packet) { memory in
        var bytes = MutableRawSpan(_unsafeBytes: memory)
        var summary = original
        let partial = isPartial && (summary.transport == .tcp || summary.transport == .udp)
        func replace(_ source: IPAddress, _ destination: IPAddress) {
            AddressRewriter.replaceSource(of: &bytes, summary: &summary, with: source, checksumIsPartial: partial)
            AddressRewriter.replaceDestination(
                of: &bytes,
                summary: &summary,
                with: destination,
                checksumIsPartial: partial
            )
        }
        replace(source, destination)
        check(parse(memory) == summary, "the summary follows the packet")
        if isValid, !partial { check(PacketBuilder.checksumsAreValid(Array(memory)), "right checksums stay right") }
        replace(original.source, original.destination)
        check(isSame(Array(memory), packet, original), "rewriting back gives the packet back")
    }
}

/// Equal, but for the two spellings of zero in one's complement.
private func isSame(_ left: [UInt8], _ right: [UInt8], _ summary: PacketSummary) -> Bool {
    guard left.count == right.count else { return false }
    let checksums = (summary.version == .v4 ? [10] : []) + [summary.offsetOfTransportChecksum]
    var left = left
    for offset in checksums {
        let (old, new) = (right[offset...(offset + 1)], left[offset...(offset + 1)])
        let isZero = new.allSatisfy { $0 == 0 } || new.allSatisfy { $0 == 0xff }
        let wasZero = old.allSatisfy { $0 == 0 } || old.allSatisfy { $0 == 0xff }
        if isZero && wasZero { left.replaceSubrange(offset...(offset + 1), with: old) }
    }
    return left == right
}

private func clampAndMark(_ packet: [UInt8], _ summary: PacketSummary, isValid: Bool) {
    withExactMemory(packet) { memory in
        var bytes = MutableRawSpan(_unsafeBytes: memory)
        MSSClamp.clamp(&bytes, summary: summary, mtu: 1_280, checksumIsPartial: false)
        _ = CongestionMark.apply(to: memory)
        check(parse(memory) == summary, "clamping and marking change no fact")
        if isValid { check(PacketBuilder.checksumsAreValid(Array(memory)), "right checksums stay right") }
    }
}
