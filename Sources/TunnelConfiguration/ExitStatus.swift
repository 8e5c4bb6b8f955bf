/// How the programs end, in the numbers of `sysexits.h`: what a script or a service manager can act on.
public enum ExitStatus: Int32, CaseIterable, Sendable {
    /// Did what was asked, or was told to stop and stopped cleanly.
    case success = 0
    /// The command line makes no sense. Trying again without changing it is useless.
    case usage = 64
    /// The other side, or something of this host that is needed, is not there: server, daemon, tun device, command.
    case unavailable = 69
    /// A bug: a state that must not occur.
    case software = 70
    /// The system refused something it normally grants: out of descriptors, threads or memory.
    case systemError = 71
    /// It may work later: no answer in time, server full.
    case temporary = 75
    /// The peer is not what it should be: changed or unknown host key, violated protocol.
    case `protocol` = 76
    /// Not allowed: authentication refused, capability missing.
    case permission = 77
    /// The configuration is wrong. All problems have been listed.
    case configuration = 78
}
