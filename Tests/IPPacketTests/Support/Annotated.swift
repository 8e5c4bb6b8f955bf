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
