import IPPacket

@testable import PacketTunnel

/// Any bytes as a stream: however it is cut, the same packets come out, and the same error ends it.
func fuzzFrames(_ input: Input, as framing: ChannelFraming) -> Int32 {
    var input = input
    let cuts = (0..<Int(input.byte() % 8)).map { _ in input.number() }
    let stream = input.rest()
    let pieces = cut(stream, at: cuts)
    let inPieces = decode(pieces, framing)
    let inTurns = decode(pieces, framing, finishesEach: true)
    check(inPieces.packets == inTurns.packets && inPieces.error == inTurns.error, "the same, however long a turn is")
    guard framing != .openSSH else { return 0 }
    let atOnce = decode([stream], framing)
    check(inPieces.packets == atOnce.packets, "the same packets")
    check(inPieces.error == atOnce.error, "the same error: \(String(describing: inPieces.error))")
    return 0
}

private struct Packet: Equatable {
    var bytes: [UInt8]
    var offload: PacketOffload
}

private func cut(_ stream: [UInt8], at cuts: [Int]) -> [[UInt8]] {
    guard !stream.isEmpty else { return [] }
    let places = [0] + cuts.map { $0 % stream.count }.sorted() + [stream.count]
    return zip(places, places.dropFirst()).map { Array(stream[$0..<$1]) }
}

private func decode(
    _ pieces: [[UInt8]],
    _ framing: ChannelFraming,
    finishesEach: Bool = false
) -> (packets: [Packet], error: FramingError?) {
    let pool = PacketBufferPool()
    var decoder = FrameDecoder(framing: framing, mtu: 1_500, pool: pool)
    defer { decoder.removeAll() }
    var packets: [Packet] = []
    var pending: [(UnsafeMutableRawBufferPointer, PacketOffload)] = []
    func flush() {
        packets += pending.map { Packet(bytes: Array($0.0), offload: $0.1) }
        pending = []
    }
    var error: FramingError?
    for piece in pieces where error == nil {
        withExactMemory(piece) { memory in
            do throws(FramingError) {
                try decoder.decode(memory) {
                    pending.append(($0, $1))
                } flush: {
                    flush()
                }
            } catch let failure { error = failure }
            check(pending.isEmpty || framing == .openSSH, "flush follows the last packet")
        }
        if finishesEach { decoder.finish { flush() } }
    }
    decoder.finish { flush() }
    check(pending.isEmpty, "nothing is left after finish")
    return (packets, error)
}
