internal import IPPacket
internal import LinuxNetwork
internal import Synchronization

/// The address families that this host has a way out for, for questions on a loop. An interface may get its IPv6 long
/// after the daemon's start, so the answer is renewed.
final class EgressFamilies: Sendable {
    private let interface: String?
    private let known = Mutex<Set<IPVersion>?>(nil)

    /// The families of one interface; nil for any interface.
    init(through interface: String?) {
        self.interface = interface
    }

    /// Their names in the answer to `info`; nil if they could not be found out.
    var names: [String]? {
        known.withLock { $0 }.map { families in
            IPVersion.allCases.filter { families.contains($0) }.map { $0 == .v4 ? "ipv4" : "ipv6" }
        }
    }

    /// Looks, and goes on looking until the task is cancelled.
    @concurrent func keepUpToDate() async {
        repeat {
            let found = try? HostNetwork.families(through: interface)
            known.withLock { $0 = found }
            try? await Task.sleep(for: .seconds(10))
        } while !Task.isCancelled
    }
}
