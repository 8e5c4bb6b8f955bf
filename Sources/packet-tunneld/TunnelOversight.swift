internal import LinuxNetwork
internal import PacketTunnel
internal import TunnelConfiguration

/// What is counted and bounded over all tunnels together, and what both services that open tunnels ask.
struct TunnelOversight: Sendable {
    /// Nil unless `DNSFlowTracking` is on.
    let dnsQuality: DNSQuality?
    let flowShares: FlowShares
    let tracked: TrackedConnections
    let egress: EgressFamilies

    init(_ host: DaemonHost, _ server: PacketTunnelServer) {
        let configuration = host.configuration
        dnsQuality = configuration.tracksDNSFlows ? DNSQuality() : nil
        flowShares = FlowShares(mostOfTunnel: configuration.maxFlows, mostOfKey: configuration.maxFlowsPerKey)
        tracked = TrackedConnections(
            server: server,
            limit: configuration.maxFlowsPerKey,
            deletes: !host.options.usesSudo,
            logger: host.options.logger
        )
        egress = EgressFamilies(through: configuration.egressInterface)
    }

    /// Goes on until the task is cancelled.
    func run() async {
        async let bounding: Void = tracked.keepBelowLimit()
        async let looking: Void = egress.keepUpToDate()
        _ = await (bounding, looking)
    }
}
