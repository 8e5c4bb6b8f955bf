internal import CLinuxNetwork
public import EventLoops
internal import Glibc

/// A tun interface of our own with some of the kernel's queues for each event loop. It vanishes with the last of them, and
/// with the process.
///
/// Super-packets and partial checksums are switched on. Addresses, MTU, routes and the state "up" are the work of
/// `InterfaceSetup`.
public final class TunDevice: Sendable {
    /// The interface's name.
    public let name: String
    /// The interface's index.
    public let index: UInt32
    /// The MTU in bytes that the interface gets from `InterfaceSetup`.
    public let mtu: Int
    /// One queue for each loop, in the loops' order.
    public let queues: [TunQueue]

    /// Queues of the kernel for each loop: one flood in 32 shares its queue with a given other flow.
    static let lanesPerLoop = 32
    /// `MAX_TAP_QUEUES` of Linux.
    private static let kernelQueueLimit = 256

    /// The first free name of ours.
    public static let defaultName = "ptun%d"

    /// Makes the interface, down and without addresses.
    ///
    /// - Parameters:
    ///   - name: 1 to 15 bytes; a `%d` in it becomes the first free number.
    ///   - mtu: bytes, 576 to 65,535.
    ///   - loops: the owners of the queues; at least one.
    ///   - options: says whether `sudo` has to make the interface.
    /// - Throws: `NetworkSetupError` of the kinds `tunMissing`, `notPermitted`, `nameBusy`, `badName`, `system`, and for `sudo`
    ///   `commandMissing` and `commandFailed`.
    public static func open(
        name: String = defaultName,
        mtu: Int,
        loops: [EventLoop],
        options: NetworkSetupOptions
    ) async throws(NetworkSetupError) -> TunDevice {
        guard isValid(name) else { throw badName(name) }
        guard options.usesSudo else {
            return try TunDevice(name: name, mtu: mtu, loops: loops, joinsExisting: false)
        }
        let name = freeName(like: name)
        if if_nametoindex(name) == 0 {
            let runner = options.runner
            try await runner.run(
                ["ip", "tuntap", "add", "dev", name, "mode", "tun", "user", "\(getuid())", "multi_queue", "vnet_hdr"])
        }
        return try TunDevice(name: name, mtu: mtu, loops: loops, joinsExisting: true)
    }

    /// - Parameter joinsExisting: the interface was made for us by `sudo`. Otherwise a queue of somebody else's
    ///   interface would take half of its packets away.
    init(name pattern: String, mtu: Int, loops: [EventLoop], joinsExisting: Bool) throws(NetworkSetupError) {
        precondition(!loops.isEmpty && (576...65_535).contains(mtu))
        var name = InterfaceName(pattern)
        var lanes: [Int32] = []
        var isOpen = false
        defer { if !isOpen { for lane in lanes { close(lane) } } }
        let lanesPerLoop = max(1, min(Self.lanesPerLoop, Self.kernelQueueLimit / loops.count))
        while lanes.count < loops.count * lanesPerLoop {
            let isFirst = lanes.isEmpty
            let descriptor = name.withStorage { linuxnetwork_open_queue($0, isFirst && !joinsExisting ? 1 : 0) }
            guard descriptor >= 0 else { throw Self.error(opening: pattern, code: -descriptor) }
            lanes.append(descriptor)
            if isFirst && joinsExisting { _ = linuxnetwork_clear_persistence(descriptor) }
        }
        let offloads = linuxnetwork_enable_offloads(lanes[0])
        guard offloads >= 0 else { throw .system("switch on the offloads of \(name.text)", code: -offloads) }
        isOpen = true
        queues = loops.enumerated().map { number, loop in
            TunQueue(
                lanes: Array(lanes[number * lanesPerLoop..<(number + 1) * lanesPerLoop]),
                name: name.text,
                mtu: mtu,
                loop: loop,
                supportsUDPOffload: offloads == 1
            )
        }
        self.name = name.text
        self.mtu = mtu
        index = if_nametoindex(name.text)
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
            && !name.contains { "/:\"".contains($0) || $0.isWhitespace }
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
