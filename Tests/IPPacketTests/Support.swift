import IPPacket
import PacketTunnelTestKit

/// Bytes from lines of hexadecimal pairs; what follows a bar says what they are.
func annotated(_ text: String) -> [UInt8] {
    text.split(separator: "\n").flatMap { line in
        (line.split(separator: "|", omittingEmptySubsequences: false).first ?? "").split(separator: " ").map { pair in
            guard pair.count == 2, let byte = UInt8(pair, radix: 16) else {
                preconditionFailure("\(pair) is no byte")
            }
            return byte
        }
    }
}

func address(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

func validated(_ packet: [UInt8]) throws(RejectReason) -> PacketSummary {
    try PacketSummary(validating: packet.span.bytes)
}

/// Runs `body` on the bytes in place.
func edit<Value>(_ bytes: inout [UInt8], _ body: (inout MutableRawSpan) -> Value) -> Value {
    var elements = bytes.mutableSpan
    var span = elements.mutableBytes
    return body(&span)
}

/// A generator that gives the same numbers each time (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    mutating func address(_ version: IPVersion) -> IPAddress {
        switch version {
        case .v4: return IPAddress(ipv4: UInt32(truncatingIfNeeded: next()))
        case .v6: return IPAddress(bits: 0x2001 << 112 | UInt128(next()) << 32 | UInt128(next() >> 40))
        }
    }
}

/// Two documentation addresses of each family.
struct Ends: Sendable, CustomStringConvertible {
    let version: IPVersion
    let source: IPAddress
    let destination: IPAddress

    var description: String { "IP\(version)" }

    static let v4 = Ends(version: .v4, source: address("192.0.2.10"), destination: address("198.51.100.20"))
    static let v6 = Ends(version: .v6, source: address("2001:db8::10"), destination: address("2001:db8:1::20"))
    static let both = [v4, v6]
}
