internal import CLinuxNetwork
public import EventLoops
internal import Glibc
public import PacketTunnel
internal import Synchronization

/// A tun interface of our own with some of the kernel's queues for each event loop. It vanishes with the last of them, and
/// with the process.
///
/// Super-packets and partial checksums are switched on. Addresses, MTU, routes and the state "up" are the work of
/// `InterfaceSetup`.
public final class TunDevice: Sendable {
    /// The interface's name.
    public let name: String
    /// The interface's index; another one after `reopen`.
    public var index: UInt32 { currentIndex.load(ordering: .relaxed) }
    /// The MTU in bytes that the interface gets from `InterfaceSetup`.
    public let mtu: Int
    /// One lane for each loop, in the loops' order.
    public let lanes: [TunLane]

    private let currentIndex: Atomic<UInt32>
    private let isGone = Atomic(false)

    /// Queues of the kernel for each loop: one flood in 32 shares its queue with a given other flow.
    static let queuesPerLoop = 32
    /// `MAX_TAP_QUEUES` of Linux.
    private static let kernelQueueLimit = 256

    /// The first free name of ours.
    public static let defaultName = "ptun%d"

    /// Makes the interface, down and without addresses.
    ///
    /// - Parameters:
    ///   - name: 1 to 15 bytes; a `%d` in it becomes the first free number.
    ///   - mtu: bytes, 576 to 65,535, or 0 for the default.
    ///   - loops: the owners of the lanes; at least one.
    ///   - options: says whether `sudo` has to make the interface.
    /// - Throws: `NetworkSetupError` of the kinds `tunMissing`, `notPermitted`, `nameBusy`, `badName`, `system`, and for `sudo`
    ///   `commandMissing` and `commandFailed`.
    public static func open(
        name: String = defaultName,
        mtu: Int = TunnelDefaults.mtu,
        loops: [EventLoop],
        options: NetworkSetupOptions
    ) async throws(NetworkSetupError) -> TunDevice {
        guard isValid(name) else { throw badName(name) }
        let name = options.usesSudo ? freeName(like: name) : name
        try await make(name, options)
        return try TunDevice(name: name, mtu: TunnelDefaults.mtu(mtu), loops: loops, joinsExisting: options.usesSudo)
    }

    /// With `sudo`, makes the interface for this user to join.
    private static func make(_ name: String, _ options: NetworkSetupOptions) async throws(NetworkSetupError) {
        guard options.usesSudo, if_nametoindex(name) == 0 else { return }
        let words = ["tuntap", "add", "dev", name, "mode", "tun", "user", "\(getuid())", "multi_queue", "vnet_hdr"]
        try await options.runner.run(["ip"] + words)
    }

    /// - Parameter joinsExisting: the interface was made for us by `sudo`. Otherwise a queue of somebody else's
    ///   interface would take half of its packets away.
    init(name pattern: String, mtu: Int, loops: [EventLoop], joinsExisting: Bool) throws(NetworkSetupError) {
        precondition(!loops.isEmpty && (576...65_535).contains(mtu))
        let opened = try Self.openQueues(pattern, loopCount: loops.count, joinsExisting: joinsExisting)
        lanes = zip(loops, opened.queues).map { loop, queues in
            TunLane(
                queues: queues,
                name: opened.name,
                mtu: mtu,
                loop: loop,
                supportsUDPOffload: opened.supportsUDPOffload
            )
        }
        name = opened.name
        self.mtu = mtu
        currentIndex = Atomic(if_nametoindex(opened.name))
    }

    /// The descriptors of a new interface, by loop.
    private static func openQueues(
        _ pattern: String,
        loopCount: Int,
        joinsExisting: Bool
    ) throws(NetworkSetupError) -> (name: String, queues: [[Int32]], supportsUDPOffload: Bool) {
        var name = InterfaceName(pattern)
        var queues: [Int32] = []
        var isOpen = false
        defer { if !isOpen { for queue in queues { close(queue) } } }
        let queuesPerLoop = max(1, min(Self.queuesPerLoop, Self.kernelQueueLimit / loopCount))
        while queues.count < loopCount * queuesPerLoop {
            let isFirst = queues.isEmpty
            let descriptor = name.withStorage { linuxnetwork_open_queue($0, isFirst && !joinsExisting ? 1 : 0) }
            guard descriptor >= 0 else { throw error(opening: pattern, code: -descriptor) }
            queues.append(descriptor)
            if isFirst && joinsExisting { _ = linuxnetwork_clear_persistence(descriptor) }
        }
        let offloads = linuxnetwork_enable_offloads(queues[0])
        guard offloads >= 0 else { throw .system("switch on the offloads of \(name.text)", code: -offloads) }
        isOpen = true
        let parts = stride(from: 0, to: queues.count, by: queuesPerLoop).map { Array(queues[$0..<$0 + queuesPerLoop]) }
        return (name.text, parts, offloads == 1)
    }

    // MARK: An interface that was removed

    /// Calls `handler` once for each time that somebody removes the interface. Before the lanes are started.
    public func whenGone(_ handler: @escaping @Sendable () -> Void) {
        for lane in lanes {
            lane.loop.execute {
                lane.deviceDidDisappear = { [weak self] in
                    guard let self, !isGone.exchange(true, ordering: .relaxed) else { return }
                    handler()
                }
            }
        }
    }

    /// Makes the interface anew, with the same name, if it is gone. `InterfaceSetup.restore` sets it up as it was.
    ///
    /// - Throws: `NetworkSetupError`, as `open` does.
    public func reopen(_ options: NetworkSetupOptions) async throws(NetworkSetupError) {
        guard isGone.load(ordering: .relaxed) else { return }
        try await Self.make(name, options)
        let opened = try Self.openQueues(name, loopCount: lanes.count, joinsExisting: options.usesSudo)
        currentIndex.store(if_nametoindex(name), ordering: .relaxed)
        isGone.store(false, ordering: .relaxed)
        for (lane, queues) in zip(lanes, opened.queues) { lane.loop.execute { lane.resume(queues) } }
    }

    static func error(opening name: String, code: Int32) -> NetworkSetupError {
        switch code {
        case ENOENT, ENODEV, ENXIO:
            NetworkSetupError(
                .tunMissing,
                "the tun device /dev/net/tun is missing",
                advice: "load the driver with `modprobe tun`; in a container, pass --device /dev/net/tun"
            )
        case EBUSY:
            NetworkSetupError(
                .nameBusy,
                "an interface named \(name) exists already",
                advice: "stop the program that owns it, or choose another name"
            )
        case EINVAL:
            NetworkSetupError(
                .nameBusy,
                "\(name) cannot be opened as a multi-queue tun",
                advice: "choose another name, of 1 to 15 letters and digits"
            )
        default:
            .system("create the tun device \(name)", code: code)
        }
    }

    /// What `dev_valid_name` of the kernel asks for, and not empty: that would mean "tun%d".
    static func isValid(_ name: String) -> Bool {
        (1..<Int(LINUXNETWORK_NAME_SIZE)).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && !"/:\"".utf8.contains($0) }
    }

    static func badName(_ name: String) -> NetworkSetupError {
        NetworkSetupError(
            .badName,
            "\"\(name)\" cannot be the name of a multi-queue tun",
            advice: "choose another name, of 1 to 15 letters and digits"
        )
    }

    /// `sudo` has to be told a whole name.
    private static func freeName(like pattern: String) -> String {
        guard let range = pattern.firstRange(of: "%d") else { return pattern }
        for number in 0..<4096 {
            var name = pattern
            name.replaceSubrange(range, with: "\(number)")
            if if_nametoindex(name) == 0 { return name }
        }
        return pattern
    }
}

/// The fixed-size name that the kernel reads and writes.
struct InterfaceName {
    private var storage = [CChar](repeating: 0, count: Int(LINUXNETWORK_NAME_SIZE))

    init(_ text: String) {
        for (index, byte) in text.utf8.prefix(storage.count - 1).enumerated() {
            storage[index] = CChar(truncatingIfNeeded: byte)
        }
    }

    mutating func withStorage(_ body: (UnsafeMutablePointer<CChar>?) -> Int32) -> Int32 {
        storage.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }

    var text: String { storage.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" } }
}
