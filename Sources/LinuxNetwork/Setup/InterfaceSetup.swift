internal import Glibc
internal import Logging

/// What was changed on the host for one tun interface, and the way back.
///
/// Made by `server(_:device:options:)` or `client(_:device:options:)`. `undo()` takes back exactly what was changed, in
/// reverse, and must be called before the device's queues are closed. If the process dies first, the interface vanishes
/// by itself and the next start takes back the rest from the state file.
///
/// An object belongs to one task. Its calls wait for the kernel and for commands, so they do not belong on an event
/// loop's thread.
public final class InterfaceSetup {
    /// The interface's name.
    public let interface: String
    var interfaceIndex: UInt32
    let options: NetworkSetupOptions
    let administration: any NetworkAdministration
    let state: StateFile
    /// What was changed, in order.
    var changes: [(change: NetworkChange, isRecorded: Bool)] = []
    /// How servers are kept out of the tunnel; nil for the setup of a server.
    var outside: OutsidePaths?
    /// IPv6 was tried in vain, and said so.
    private var lacksIPv6 = false

    init(
        device: TunDevice,
        options: NetworkSetupOptions
    ) throws(NetworkSetupError) {
        interface = device.name
        interfaceIndex = device.index
        self.options = options
        administration = options.administration
        state = try StateFile(directory: options.stateDirectory, name: device.name)
    }

    /// Takes back what killed runs have left, of every interface name. Problems are logged, and tried again next time.
    ///
    /// `server` and `client` call it themselves; call it before the device is opened to be rid of left-overs even if
    /// that fails.
    ///
    /// - Returns: whether nothing of them is left.
    @discardableResult
    public static func removeLeftovers(_ options: NetworkSetupOptions) async -> Bool {
        let administration = options.administration
        var isAllGone = true
        await StateFile.leftovers(in: options.stateDirectory) { records in
            var isComplete = true
            for record in records.reversed() {
                guard let change = NetworkChange(record: record) else { continue }
                do {
                    try await administration.revert(change)
                    options.logger.notice(
                        "reverted network change left by a crashed run",
                        metadata: ["change": "\(record)"]
                    )
                } catch {
                    isComplete = false
                    options.logger.warning(
                        "cannot revert network change left by a crashed run",
                        metadata: ["change": "\(record)", "error": "\(error)"]
                    )
                }
            }
            isAllGone = isAllGone && isComplete
            return isComplete
        }
        return isAllGone
    }

    /// Takes everything back, the last change first. Problems are logged; what could not be taken back stays in the
    /// state file. Idempotent.
    public func undo() async {
        var isComplete = true
        while let (change, isRecorded) = changes.popLast() {
            do {
                try await administration.revert(change)
                if isRecorded && isComplete { state.removeLast() }
            } catch {
                isComplete = false
                options.logger.warning(
                    "cannot take back a change",
                    metadata: ["change": "\(change.summary)", "error": "\(error)"]
                )
            }
        }
        outside = nil
        if isComplete { state.remove() }
    }

    // MARK: Making changes

    /// Notes a change where it outlives the process, then makes it.
    func make(_ change: NetworkChange) async throws(NetworkSetupError) {
        let record = change.record(ownInterface: interface)
        if let record { try state.append(record) }
        do {
            try await administration.apply(change)
        } catch {
            if record != nil { state.removeLast() }
            throw error
        }
        changes.append((change, record != nil))
    }

    /// Makes changes that the host may do without if the options allow it.
    func makeIPv6(_ changes: [NetworkChange]) async throws(NetworkSetupError) {
        guard !lacksIPv6 else { return }
        let isAbsent = KernelIPv6.isAbsent
        do throws(NetworkSetupError) {
            if isAbsent { throw .ipv6Unavailable("this kernel has no IPv6", options) }
            for change in changes { try await make(change) }
        } catch {
            let isHarmless = options.allowsKernelWithoutIPv6 && (isAbsent || KernelIPv6.isUnused)
            guard options.allowsMissingIPv6 || isHarmless else {
                throw [.system, .commandFailed].contains(error.kind) ? .ipv6Unavailable("\(error)", options) : error
            }
            lacksIPv6 = true
            options.logger.warning("IPv6 is not configured", metadata: ["error": "\(error.reason)"])
        }
    }

    /// What makes our interface fit for IPv6: not switched off, and without the link-local address and the router
    /// solicitations that the kernel would send into the tunnel by itself.
    var ipv6Preparation: [NetworkChange] {
        let directory = "net/ipv6/conf/\(interface)"
        let enabling = Sysctl(path: "\(directory)/disable_ipv6").read() == "1"
        return (enabling ? [.set(Sysctl(path: "\(directory)/disable_ipv6"), from: "1", to: "0")] : [])
            + [ForwardingChanges.change("\(directory)/addr_gen_mode", to: "1")].compactMap { $0 }
    }
}
