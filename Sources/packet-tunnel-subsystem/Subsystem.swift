internal import Glibc
internal import OpenSSHSyntax
internal import PacketTunnel
internal import TunnelConfiguration
internal import TunnelControl

/// How packets can be laid into a stream.
enum StreamFraming: String, ConfigurationChoice {
    /// That of `tun@psiphon.ca`.
    case psiphon
    /// That of `tun-gso@packet-tunnel.internal`.
    case gso

    var channelType: String {
        switch self {
        case .psiphon: ChannelFraming.psiphon.channelType
        case .gso: ChannelFraming.gso.channelType
        }
    }
}

/// One connection whose descriptors are passed to the daemon, and the wait for its end.
struct Subsystem {
    let socket: String
    let framing: StreamFraming
    let session: SessionName?

    /// What a client has asked for that was given this program instead, by `ForceCommand` or `command=`: it has asked
    /// for the subsystem by its name, or sshd has put the subsystem's command in place of the name.
    static var requestedFraming: StreamFraming {
        let words = (variable("SSH_ORIGINAL_COMMAND") ?? "").split(separator: " ")
        return words.last == "packet-tunnel-gso" || words.suffix(2) == ["--framing", "gso"] ? .gso : .psiphon
    }

    /// What a client has named, if sshd's `AcceptEnv` lets it.
    static var requestedSession: SessionName? {
        variable(SessionIdentity.nameVariable).flatMap { try? SessionName(parsing: $0) }
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Passes the descriptors, waits, and says how the process ends.
    func run() -> ExitStatus {
        guard isatty(STDIN_FILENO) == 0, isatty(STDOUT_FILENO) == 0 else {
            return fail("packets do not go through a terminal: connect without one (ssh -T), or by ssh -s", .usage)
        }
        for descriptor in [STDIN_FILENO, STDOUT_FILENO] { openToDaemon(descriptor) }
        do throws(ControlError) {
            let daemon = try ControlClient(path: socket)
            let request = TunnelRequest(channelType: framing.channelType, session: session?.description ?? "")
            try daemon.passDescriptors(request, input: STDIN_FILENO, output: STDOUT_FILENO)
            letGo()
            _ = try daemon.waitForEnd()
            return .success
        } catch {
            return fail(error.reason, Self.status(of: error.kind))
        }
    }

    /// The daemon opens pipes anew, so that nobody here can make it wait. It may lack the privilege to open those of
    /// others; the pipe of a process can only be found through that process.
    private func openToDaemon(_ descriptor: Int32) {
        var target = [CChar](repeating: 0, count: 64)
        // A pipe with a name in the file system begins with a slash, and its mode is its owner's business.
        let length = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
        guard length > 0, target.starts(with: "pipe:[".utf8.map { CChar(truncatingIfNeeded: $0) }) else { return }
        fchmod(descriptor, 0o666)
    }

    /// From now on the stream ends when the daemon ends it.
    private func letGo() {
        let null = open("/dev/null", O_RDWR)
        guard null >= 0 else { return }
        dup2(null, STDIN_FILENO)
        dup2(null, STDOUT_FILENO)
        close(null)
    }

    /// To the client, in the place of packets: sshd throws away what a subsystem writes to its standard error. To a person
    /// who has started this by hand, as usual.
    private func fail(_ message: String, _ status: ExitStatus) -> ExitStatus {
        let line = "packet-tunnel-subsystem: \(message)"
        if Self.variable("SSH_CONNECTION") == nil { StandardError.printLine(line) } else { print(line) }
        return status
    }

    private static func status(of kind: ControlError.Kind) -> ExitStatus {
        switch kind {
        case .noDaemon: .unavailable
        case .notPermitted: .permission
        case .inUse, .system: .systemError
        case .refused(let status): ExitStatus(rawValue: status) ?? .software
        }
    }
}
