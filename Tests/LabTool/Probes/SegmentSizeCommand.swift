internal import ArgumentParser
internal import Glibc

/// `mss`: the largest segment that a TCP connection sends.
struct SegmentSizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mss",
        abstract: "Prints the largest segment that a TCP connection sends, in bytes without options."
    )

    @OptionGroup
    var place: EndpointArguments

    func run() throws {
        let peer = try Socket.connected(SOCK_STREAM, to: place.endpoint, timeout: 5)
        var information = tcp_info()
        var size = socklen_t(MemoryLayout<tcp_info>.size)
        let code = getsockopt(peer.descriptor, Int32(IPPROTO_TCP), TCP_INFO, &information, &size)
        try SystemFailure.check(code, "TCP_INFO")
        // The option that every segment has then: padding and a timestamp (RFC 7323 §3.2).
        let hasTimestamps = information.tcpi_options & UInt8(TCPI_OPT_TIMESTAMPS) != 0
        Output.line("\(information.tcpi_snd_mss + (hasTimestamps ? 12 : 0))")
    }
}
