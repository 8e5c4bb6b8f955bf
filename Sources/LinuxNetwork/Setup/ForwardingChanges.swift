internal import Glibc

/// The kernel settings that let packets pass between our interface and the egress interface, and no others.
enum ForwardingChanges {
    /// IPv4 asks the interface that a packet came in through.
    static func ipv4(interface: String, egress: String) -> [NetworkChange] {
        [interface, egress].compactMap { change("net/ipv4/conf/\($0)/forwarding", to: "1") }
    }

    /// IPv6 asks one switch for the whole host, or since Linux 6.17 the interface's `force_forwarding`.
    ///
    /// - Parameter forces: whether the kernel has `force_forwarding`.
    static func ipv6(interface: String, egress: String, forces: Bool = kernelForcesIPv6) -> [NetworkChange] {
        let whole = Sysctl(path: "net/ipv6/conf/all/forwarding")
        guard let value = whole.read() else {
            // Nobody can say whether it is on. Is written, to fail with a reason.
            return [.set(whole, from: "1", to: "1")]
        }
        guard value == "0" else { return [] }
        guard forces else { return wholeHost() }
        return [interface, egress].compactMap { change("net/ipv6/conf/\($0)/force_forwarding", to: "1") }
    }

    static var kernelForcesIPv6: Bool { Sysctl(path: "net/ipv6/conf/all/force_forwarding").read() != nil }

    /// Turns the switch for the whole host, but leaves each interface a host's and not a router's.
    ///
    /// Writing `all/forwarding` also writes every interface's own value, which no longer decides about forwarding but
    /// still makes an interface ignore router advertisements; and it drops the default routes learnt from them, unless
    /// `accept_ra` is 2 (`networking/ip-sysctl` of the kernel's documentation). So `accept_ra` comes first, and the
    /// interfaces' own values are written back.
    private static func wholeHost() -> [NetworkChange] {
        let interfaces = names()
        let advertisements = interfaces.compactMap { name -> NetworkChange? in
            let setting = Sysctl(path: "net/ipv6/conf/\(name)/accept_ra")
            return setting.read() == "1" ? .set(setting, from: "1", to: "2") : nil
        }
        let kept = interfaces.compactMap { name -> NetworkChange? in
            let setting = Sysctl(path: "net/ipv6/conf/\(name)/forwarding")
            return setting.read().map { .keep(setting, at: $0) }
        }
        // Before, so that they are known whenever the run is killed, and taken back last; after, to undo the effect.
        return advertisements + kept + [.set(Sysctl(path: "net/ipv6/conf/all/forwarding"), from: "0", to: "1")] + kept
    }

    /// Every interface, and the defaults of interfaces to come.
    private static func names() -> [String] {
        directoryEntries("/proc/sys/net/ipv6/conf").filter { $0 != "all" && !$0.hasPrefix(".") }
    }

    /// Nil if the setting has the value already. A missing setting is written, to fail with a reason.
    static func change(_ path: String, to value: String) -> NetworkChange? {
        let setting = Sysctl(path: path)
        let old = setting.read()
        return old == value ? nil : .set(setting, from: old ?? value, to: value)
    }
}

/// The names in a directory, sorted; none if it cannot be read.
func directoryEntries(_ path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { names.append(String(cString: $0)) }
        }
    }
    return names.sorted()
}
