internal import CLinuxNetwork
public import EventLoops
internal import Glibc
internal import PacketTunnel

/// Tells when the host's network may have become another one: links, addresses, routes or rules have changed
/// (`rtnetlink(7)`, multicast groups), or the host has slept. From any thread.
///
/// What happens at one time is told once.
public final class NetworkMonitor: Sendable {
    private let watch: LoopBound<NetworkWatch>

    /// Begins to watch the network namespace of the calling thread.
    ///
    /// - Parameter changed: called on the loop.
    /// - Throws: `NetworkSetupError` of the kind `system` where netlink is not to be had; then only a caller that asks
    ///   again notices that the host has slept.
    public init(loop: EventLoop, changed: @escaping @Sendable () -> Void) throws(NetworkSetupError) {
        watch = LoopBound(try NetworkWatch(loop: loop, changed: changed), on: loop)
        watch.execute { $0.start() }
    }

    /// Leaves changes of the tunnel's own interface untold.
    public func ignore(interfaceIndex: UInt32) {
        watch.execute { $0.ignoredInterface = interfaceIndex }
    }

    /// Ends it. Idempotent.
    public func stop() {
        watch.execute { $0.stop() }
    }
}

/// The part of a `NetworkMonitor` that lives on its loop.
private final class NetworkWatch: DescriptorHandler {
    /// Nanoseconds: a DHCP client sets address and routes one after the other.
    private static let settling: UInt64 = 20_000_000
    /// Nanoseconds between two looks at the clock.
    private static let tick: UInt64 = 1_000_000_000
    /// Nanoseconds that a look may be late; a process that was stopped or a host that has slept is later.
    private static let lateness: UInt64 = 3_000_000_000

    /// Changes of it are left untold.
    var ignoredInterface: UInt32 = 0

    private let loop: EventLoop
    private let descriptor: Int32
    private let changed: @Sendable () -> Void
    private var registration: Registration?
    private var isSettling = false
    private var isStopped = false
    private var lastLook: UInt64 = 0
    private var buffer = [UInt8](repeating: 0, count: 16_384)

    init(loop: EventLoop, changed: @escaping @Sendable () -> Void) throws(NetworkSetupError) {
        let type = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        descriptor = socket(AF_NETLINK, type, NETLINK_ROUTE)
        guard descriptor >= 0 else { throw .system("watch the network", code: errno) }
        self.loop = loop
        self.changed = changed
        // A socket without an address of its own is told nothing.
        var name = sockaddr_nl()
        name.nl_family = sa_family_t(AF_NETLINK)
        withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
            }
        }
        for group in Self.groups {
            var group = group
            setsockopt(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, socklen_t(MemoryLayout<UInt32>.size))
        }
    }

    deinit { close(descriptor) }

    func start() {
        registration = try? loop.register(descriptor, interest: .readable, handler: self)
        lastLook = Self.bootTime()
        look()
    }

    func stop() {
        isStopped = true
        registration?.cancel()
        registration = nil
    }

    private static var groups: [UInt32] {
        [
            RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
            RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
        ].map { UInt32($0.rawValue) }
    }

    /// Reads what has been told.
    func descriptorIsReady(_ events: DescriptorEvents) {
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                NetlinkAnswer.each(in: Array(buffer[..<count])) { _, message in
                    if concerns(message) { settle() }
                }
            } else if count < 0, errno == ENOBUFS {
                settle()  // more than the kernel keeps for us: something of it will have mattered
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }

    private func concerns(_ message: NetlinkAnswer) -> Bool {
        switch Int(message.type) {
        case RTM_NEWLINK, RTM_DELLINK:
            return message.load(ifinfomsg.self).map { UInt32($0.ifi_index) != ignoredInterface } ?? false
        case RTM_NEWADDR, RTM_DELADDR:
            return message.load(ifaddrmsg.self).map { $0.ifa_index != ignoredInterface } ?? false
        case RTM_NEWROUTE, RTM_DELROUTE:
            guard let route = Route(message) else { return false }
            return route.table == Route.mainTable && route.kind == .unicast
                && (route.interfaceIndex == 0 || route.interfaceIndex != ignoredInterface)
        // Somebody may have cleared ours away. Those that are added are ours, or no concern.
        case RTM_DELRULE: return RoutingRule(message) != nil
        default: return false
        }
    }

    private func settle() {
        guard !isSettling else { return }
        isSettling = true
        loop.scheduleHere(after: Self.settling) { [weak self] in
            guard let self, !isStopped else { return }
            isSettling = false
            changed()
        }
    }

    /// The monotonic clock stands still while the host sleeps, and so do timers: this one is late then.
    private func look() {
        loop.scheduleHere(after: Self.tick) { [weak self] in
            guard let self, !isStopped else { return }
            let now = Self.bootTime()
            if now &- lastLook > Self.tick + Self.lateness { settle() }
            lastLook = now
            look()
        }
    }

    private static func bootTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
