import IPPacket
import PacketTunnelTestKit

@testable import PacketTunnel

/// Fragments of any kind in any order: nothing is read beyond them, the table stays within its limit, and what it lets through
/// of one datagram neither precedes its first fragment nor overlaps.
func fuzzFragments(_ input: Input) -> Int32 {
    var input = input
    var table = FragmentTable()
    var now: UInt64 = 1
    /// Where the next fragment of each datagram may begin; none before the first fragment has passed.
    var ends: [Datagram: Int] = [:]
    while let packet = nextFragment(&input) {
        now += UInt64(input.byte()) * 100_000_000
        withExactMemory(packet) { memory in
            let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(memory))
            guard let summary = try? PacketSummary(fragment: bytes) else { return }
            check(summary.packetLength == packet.count && summary.payloadLength >= 0, "lengths agree")
            let facts = FragmentFacts(bytes, summary: summary)
            let key = Datagram(
                source: summary.source,
                destination: summary.destination,
                identification: facts.identification,
                transport: summary.transport.rawValue
            )
            if summary.fragment == .first {
                rewrite(memory, summary)
                guard (try? table.begin(facts, summary: summary, .init(), now: now)) != nil, facts.hasMore else {
                    return
                }
                ends[key] = facts.end
            } else if (try? table.follow(facts, summary: summary, now: now)) != nil {
                check(ends[key] != nil, "a first fragment has passed")
                check(facts.offset >= ends[key] ?? 0, "no overlap")
                ends[key] = facts.hasMore ? facts.end : nil
            }
            check(table.count <= FragmentTable.limit, "the table has a limit")
        }
    }
    return 0
}

/// What fragments have in common.
private struct Datagram: Hashable {
    let source: IPAddress
    let destination: IPAddress
    let identification: UInt32
    let transport: UInt8
}

/// Half of the time a fragment that is well-formed but for what it says of itself; any bytes otherwise.
private func nextFragment(_ input: inout Input) -> [UInt8]? {
    guard !input.bytes.isEmpty else { return nil }
    let kind = input.byte()
    let length = Int(input.byte()) & ~7
    guard kind & 1 != 0 else { return input.take(length + 20) }
    let version = kind & 2 == 0 ? IPVersion.v4 : .v6
    let source = version == .v4 ? IPAddress(ipv4: 0xc0a8_0102) : IPAddress(bits: 0xfd00 << 112 | 2)
    let destination = version == .v4 ? IPAddress(ipv4: 0x0101_0101) : IPAddress(bits: 0x2606_4700 << 96 | 1)
    let whole = PacketBuilder.udp(source: source, destination: destination, payload: [])
    var payload = input.take(max(length, 8))
    // A UDP length that a first fragment may have.
    if payload.count >= 8 { (payload[4], payload[5]) = (0xff, 0) }
    return PacketBuilder.fragment(
        payload,
        offset: Int(kind >> 4) * 8,
        hasMore: kind & 4 != 0,
        header: Array(whole[..<(version == .v4 ? 20 : 40)]),
        identification: UInt32(kind >> 3 & 1)
    )
}

private func rewrite(_ memory: UnsafeMutableRawBufferPointer, _ original: PacketSummary) {
    guard original.source.isIPv4 == (original.version == .v4) else { return }
    var bytes = MutableRawSpan(_unsafeBytes: memory)
    var summary = original
    let address = original.version == .v4 ? IPAddress(ipv4: 0x0a01_0203) : IPAddress(bits: 0xfd12 << 112 | 7)
    AddressRewriter.replaceSource(of: &bytes, summary: &summary, with: address, checksumIsPartial: false)
    let rewritten = try? PacketSummary(fragment: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(memory)))
    check(rewritten == summary, "the summary follows the packet")
}
