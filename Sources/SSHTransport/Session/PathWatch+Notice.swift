internal import Glibc
internal import PacketTunnel

extension PathWatch.Change {
    /// What to do where the kernel does not give what would suit the path; nil where it does.
    var advice: String? {
        guard let refusal else { return nil }
        let isBBR = refusal.name == "bbr"
        let remedy =
            refusal.code == ENOENT
            ? "load it with modprobe tcp_\(refusal.name)"
            : "add \(refusal.name) to net.ipv4.tcp_allowed_congestion_control"
        let gain =
            isBBR ? "over long or lossy paths it carries several times as much" : "on a near path it carries more"
        return "congestion control \(refusal.name) is not available: \(gain); \(remedy)"
    }

    /// For a log line: what is in force, and why.
    var description: String {
        let milliseconds = Double(path.roundTripMicroseconds / 100) / 10
        let loss = (path.lossPermille).rounded() / 10
        return "congestion control \(path.congestionControl): round trip \(milliseconds) ms, \(loss) % lost"
    }
}
