internal import Logging
internal import PacketTunnel

/// Brings a tun device back when somebody has removed it, with all that was on it. One task uses it.
public final class DeviceRestorer {
    private let device: TunDevice
    private let setup: InterfaceSetup
    private let options: NetworkSetupOptions
    private var delay: Duration = .zero

    /// For a device and what `setup` has made of it.
    ///
    /// - Parameter disappeared: called on one of the device's loops each time that it is gone; `restore` is due then. Before
    ///   the device is started.
    public init(
        _ device: TunDevice,
        _ setup: InterfaceSetup,
        options: NetworkSetupOptions,
        disappeared: @escaping @Sendable () -> Void
    ) {
        self.device = device
        self.setup = setup
        self.options = options
        device.whenGone(disappeared)
    }

    /// Tries once, and logs what comes of it.
    ///
    /// - Returns: when to try again; nil if the device is back.
    public func restore() async -> Duration? {
        let logger = options.logger
        if delay == .zero { logger.error("the device has disappeared", metadata: ["device": "\(device.name)"]) }
        do throws(NetworkSetupError) {
            try await device.reopen(options)
            try await setup.restore(device)
            delay = .zero
            logger.notice("the device is back", metadata: ["device": "\(device.name)"])
            return nil
        } catch {
            delay = delay == .zero ? .milliseconds(250) : min(delay * 2, .seconds(30))
            logger.error(
                "cannot bring the device back",
                metadata: ["reason": "\(error)", "next_attempt_in": "\(ShortDuration(delay))"]
            )
            return delay
        }
    }
}
