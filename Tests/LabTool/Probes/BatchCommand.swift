internal import ArgumentParser
internal import Glibc

/// `batch`: datagrams that the kernel cuts from one send (UDP_SEGMENT, Linux 4.18).
struct BatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch",
        abstract: "Sends datagrams of 1200 bytes in one call to an `echo`; prints how many come back whole."
    )

    @OptionGroup
    var place: EndpointArguments

    @Argument(help: "How many; 54 at the most.")
    var count: UInt8

    private static let size = 1_200
    private static let levelUDP: Int32 = 17, segmentSize: Int32 = 103  // SOL_UDP and UDP_SEGMENT of linux/udp.h

    func run() throws {
        let socket = try Socket.connected(SOCK_DGRAM, to: place.endpoint, timeout: 5)
        try socket.set(Self.levelUDP, Self.segmentSize, Int32(Self.size))
        let sent = (0..<count).map { [UInt8](repeating: $0, count: Self.size) }
        try socket.send(sent.flatMap { $0 })
        var missing = Set(sent)
        while !missing.isEmpty, let answer = try? socket.receive() { missing.remove(answer) }
        Output.line("\(sent.count - missing.count)")
    }
}
