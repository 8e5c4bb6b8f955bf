import Glibc
import IPPacket
import LinuxNetwork
import PacketTunnel

func constants() throws {
    try check("DEFAULT_MTU", TunnelDefaults.mtu == 1_500)
    try check("DEFAULT_DOWNSTREAM_PACKET_QUEUE_SIZE", TunnelDefaults.downstreamQueueLimitInBytes > 0)
    try check("DEFAULT_UPSTREAM_PACKET_QUEUE_SIZE", TunnelDefaults.upstreamQueueLimitInBytes > 0)
    try check("DEFAULT_IDLE_SESSION_EXPIRY_SECONDS", TunnelDefaults.sessionExpiry == .seconds(300))
    try check("ORPHAN_METRICS_CHECKPOINTER_PERIOD", TunnelDefaults.orphanMetricsPeriod == .seconds(1_800))
    try check("FLOW_IDLE_EXPIRY", TunnelDefaults.flowIdleExpiry == .seconds(60))
    let pool = try AddressPool(ipv4: TunnelDefaults.ipv4Pool, ipv6: TunnelDefaults.ipv6Pool)
    let resolvers = pool.transparentDNSAddresses
    try check("GetTransparentDNSResolverIPv4Address", resolvers.ipv4.isIPv4)
    try check("GetTransparentDNSResolverIPv6Address", !resolvers.ipv6.isIPv4)
    try check("IsSupported", TunDevice.isSupported)
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    try HostNetwork.bindToDevice(descriptor, "lo")
    try check("BindToDevice", true)
}
