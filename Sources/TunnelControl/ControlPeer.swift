internal import CTunnelControl
internal import Glibc

/// Who made a connection to the control socket, as the kernel says (unix(7), `SO_PEERCRED`).
public struct ControlPeer: Hashable, Sendable {
    /// The user.
    public let user: UInt32
    /// The user's group.
    public let group: UInt32
    /// The process that connected. It may be gone by now, and its number another's.
    public let process: Int32

    init?(socket: Int32) {
        var peer = tunnelcontrol_peer()
        guard tunnelcontrol_get_peer(socket, &peer) == 0 else { return nil }
        user = peer.user
        group = peer.group
        process = peer.process
    }

    /// What stands for a key of this user, in the place of a fingerprint.
    public var keyFingerprint: String { "\(Self.fingerprintPrefix)\(user)" }

    /// How that begins; no key's does.
    public static let fingerprintPrefix = "uid:"

    /// The user's name on this host; nil if there is none. Asks the name service, which may wait for the network.
    public func lookUpUserName() -> String? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        let result = getpwuid_r(user, &entry, &buffer, buffer.count, &found)
        guard result == 0, found != nil, let name = entry.pw_name else { return nil }
        return String(cString: name)
    }
}
