internal import Glibc
internal import PacketTunnel

extension PathWatch.Change {
    /// What to do where the kernel does not give what would suit the path; nil where it does.
    var advice: String? {
        switch refusal {
        case .congestionControl(let name, let code): Self.advice(name, code)
        case .sendBuffer:
            "the path holds more than the send buffer: raise the last number of net.ipv4.tcp_wmem here, "
                + "or run with CAP_NET_ADMIN"
        case nil: nil
        }
    }

    private static func advice(_ name: String, _ code: Int32) -> String {
        let isBBR = name == "bbr"
        let remedy =
            code == ENOENT
            ? "load it with modprobe tcp_\(name)"
            : "add \(name) to net.ipv4.tcp_allowed_congestion_control"
        let gain =
            isBBR ? "over long or lossy paths it carries several times as much" : "on a near path it carries more"
        return "congestion control \(name) is not available: \(gain); \(remedy)"
    }

    /// For a log line: what is in force, and why.
    var description: String {
        let milliseconds = Double(path.roundTripMicroseconds / 100) / 10
        let loss = (path.lossPermille).rounded() / 10
        return "congestion control \(path.congestionControl): round trip \(milliseconds) ms, \(loss) % lost"
    }
}
