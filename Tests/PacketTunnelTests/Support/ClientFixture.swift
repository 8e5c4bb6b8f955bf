import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

/// A client over a device and transports in memory.
final class ClientFixture {
    let loop = ManualLoop()
    let device: MemoryDevice
    let client: PacketTunnelClient
    let log = RecordedLog()
    private(set) var disconnections: [String] = []

    init(configure: (inout ClientConfiguration) -> Void = { _ in }) throws {
        device = MemoryDevice(on: loop)
        var configuration = ClientConfiguration()
        configure(&configuration)
        client = try PacketTunnelClient(configuration: configuration, loop: loop, device: device, logger: log.logger)
        client.start()
    }

    func connect(_ framing: ChannelFraming, _ transport: MemoryTransport? = nil) -> MemoryTransport {
        let transport = transport ?? MemoryTransport(on: loop)
        loop.perform {
            client.connect(transport, framing: framing) { [weak self] in self?.disconnections.append($0) }
        }
        return transport
    }

    func sent(_ transport: MemoryTransport, _ framing: ChannelFraming) throws -> [MemoryPacket] {
        try #require(MemoryFrames.packets(in: transport.takeMessages(), as: framing))
    }
}
