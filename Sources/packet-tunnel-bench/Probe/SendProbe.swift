internal import ArgumentParser
internal import EventLoops
internal import Glibc

/// Sends datagrams of one flow, as fast as it can or at a given rate.
struct SendProbe: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "send")

    @OptionGroup var endpoint: ProbeEndpoint

    @Option var seconds: Double

    @Option(help: "Bytes of payload.")
    var size: Int

    @Option(help: "Datagrams per second; 0 is no limit.")
    var rate: Double = 0

    @Flag(help: "Listen at the address, and send to who asks.")
    var whenAsked = false

    func run() throws {
        let address = try SocketAddress(endpoint)
        let socket = try ProbeSocket(SOCK_DGRAM, for: address)
        if whenAsked {
            try socket.bind(to: address)
            ProbeOutput.write("listening")
            try socket.connect(to: SocketAddress(senderOn: socket))
        } else {
            try socket.connect(to: address)
        }
        let start = SystemClock.monotonic
        let end = start + seconds.inNanoseconds
        let payload = [UInt8](repeating: 0, count: size)
        var sent = 0
        while case let now = SystemClock.monotonic, now < end {
            let due = rate > 0 ? Int(Double(now - start) * rate / 1e9) - sent : 64
            for _ in 0..<min(due, 64) where send(socket.descriptor, payload, size, Int32(MSG_NOSIGNAL)) == size {
                sent += 1
            }
            if due <= 0 { SystemClock.sleep(until: now + 100_000) }
        }
        ProbeOutput.print(["sent": Double(sent), "seconds": seconds])
    }
}
