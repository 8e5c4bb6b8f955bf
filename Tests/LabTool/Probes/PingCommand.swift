internal import ArgumentParser
internal import Glibc
internal import IPPacket
internal import PacketTunnelTestKit

/// `ping`: an echo request by ICMP, without a program of the system's that has to be installed with rights.
struct PingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping",
        abstract: "Succeeds if one of three echo requests is answered within half a second."
    )

    @Argument
    var address: IPAddress

    func run() throws {
        let number = Int32(address.isIPv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)
        let socket = try Socket(SOCK_RAW, for: address, protocol: number)
        try socket.setTimeout(0.5)
        let identifier = UInt16(truncatingIfNeeded: getpid())
        for sequence in UInt16(0)..<3 {
            let expected = message(identifier, sequence, isReply: true)
            try socket.send(message(identifier, sequence), to: Endpoint(address, port: 0))
            // Until the time is over: others' answers arrive here, too.
            while let (bytes, sender) = try? socket.receiveFrom() {
                // Over IPv4 the header is there, and over IPv6 it is not (RFC 3542 §3).
                let answer = bytes.dropFirst(address.isIPv4 ? 20 : 0)
                if sender.address == address, Self.matches(answer, expected) { return }
            }
        }
        throw ExitCode.failure
    }

    /// The message alone. The kernel fills in the checksum of ICMPv6, as it covers addresses (RFC 3542 §3.1).
    private func message(_ identifier: UInt16, _ sequence: UInt16, isReply: Bool = false) -> [UInt8] {
        let packet = PacketBuilder.icmpEcho(
            source: address,
            destination: address,
            identifier: identifier,
            sequence: sequence,
            isReply: isReply,
            payload: Array("abcdefgh".utf8)
        )
        return Array(packet.dropFirst(address.isIPv4 ? 20 : 40))
    }

    /// True if all but the checksum is the same.
    private static func matches(_ answer: ArraySlice<UInt8>, _ expected: [UInt8]) -> Bool {
        answer.prefix(2).elementsEqual(expected.prefix(2)) && answer.dropFirst(4).elementsEqual(expected.dropFirst(4))
    }
}
