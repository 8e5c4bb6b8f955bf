import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Testing

@Suite("A packet port")
struct PacketPortTests {
    @Test("that nobody holds any more is closed on its loop, and packets that arrive before do no harm")
    func letGo() throws {
        let loop = ManualLoop()
        let device = MemoryDevice(on: loop)
        var port: PacketPort? = PacketPort(device: device, loop: loop)
        loop.run()
        #expect(device.isStarted && port?.droppedPacketCount == 0)
        port = nil
        #expect(!device.isClosed)
        device.inject([0x45])
        loop.run()
        #expect(device.isClosed)
    }
}
