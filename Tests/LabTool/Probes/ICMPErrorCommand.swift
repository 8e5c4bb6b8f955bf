internal import ArgumentParser
internal import Glibc
internal import IPPacket

/// `error`: the ICMP error that a datagram is answered with.
struct ICMPErrorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "error",
        abstract: "Sends UDP with so many hops to live; prints TYPE CODE SENDER of the ICMP error, or \"none\"."
    )

    @OptionGroup
    var place: EndpointArguments

    @Argument
    var hops: Int32

    @Argument(help: "Bytes of the datagram.")
    var size = 5

    func run() throws {
        let isIPv4 = place.address.isIPv4
        let level = Int32(isIPv4 ? IPPROTO_IP : IPPROTO_IPV6)
        let socket = try Socket(SOCK_DGRAM, for: place.address)
        try socket.set(level, isIPv4 ? IP_RECVERR : IPV6_RECVERR, 1)
        try socket.set(level, isIPv4 ? IP_TTL : IPV6_UNICAST_HOPS, hops)
        try socket.connect(to: place.endpoint)
        for _ in 0..<3 {
            // It fails for the error of the datagram before, which is in the queue.
            try? socket.send([UInt8](repeating: 0, count: size))
            var entry = pollfd(fd: socket.descriptor, events: 0, revents: 0)
            // The queue of errors shows as POLLERR, which nobody has to ask for.
            if poll(&entry, 1, 700) > 0, let report = ErrorReport(from: socket) {
                return Output.line("\(report.type) \(report.code) \(report.sender)")
            }
        }
        Output.line("none")
    }
}
