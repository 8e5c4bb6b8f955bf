import EventLoops
import Foundation
import Glibc
import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Testing

@testable import LinuxNetwork

@Suite("Foreign device", .timeLimit(.minutes(5)))
struct ForeignDeviceTests {
    private static func packet(_ version: IPVersion, payload: [UInt8]) -> [UInt8] {
        let ends = TestEnds(version)
        return PacketBuilder.udp(source: ends.near, destination: ends.far, payload: payload)
    }

    private static func pair() throws -> (Int32, Int32) {
        var descriptors: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &descriptors) == 0 else {
            throw TestSocket.error()
        }
        return (descriptors[0], descriptors[1])
    }

    @Test("carries plain packets both ways and leaves the given descriptor open", arguments: IPVersion.allCases)
    func carriesPackets(version: IPVersion) async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        let (given, other) = try Self.pair()
        defer { for descriptor in [given, other] { close(descriptor) } }
        let device = try ForeignDevice(descriptor: given, mtu: 1500, loop: loop)
        #expect(!device.supportsOffload && device.name.isEmpty && device.mtu == 1500)
        let reader = QueueReader(device, loop: loop)
        await reader.start()

        let upstream = Self.packet(version, payload: [1, 2, 3])
        #expect(write(other, upstream, upstream.count) == upstream.count)
        let read = try await reader.next()
        #expect(read.bytes == upstream && read.offload == .none)

        let downstream = Self.packet(version, payload: [4])
        #expect(await loop.run { device.send(downstream) })
        var buffer = [UInt8](repeating: 0, count: 2000)
        #expect(Glibc.read(other, &buffer, buffer.count) == downstream.count)
        #expect(Array(buffer[..<downstream.count]) == downstream)

        await loop.run { device.close() }
        #expect(fcntl(given, F_GETFD) >= 0)
    }

    @Test("does not take a packet that would have to wait")
    func refusesWhenFull() async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        let (given, other) = try Self.pair()
        defer { for descriptor in [given, other] { close(descriptor) } }
        let device = try ForeignDevice(descriptor: given, mtu: 1500, loop: loop)
        let packet = Self.packet(.v4, payload: [UInt8](repeating: 0, count: 1400))
        let taken = await loop.run {
            var count = 0
            while device.send(packet) { count += 1 }
            return count
        }
        #expect(taken > 0)
        await loop.run { device.close() }
    }

    @Test("says so when the other side has closed")
    func reportsEnd() async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        let (given, other) = try Self.pair()
        defer { close(given) }
        let device = try ForeignDevice(descriptor: given, mtu: 1500, loop: loop)
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let reader = QueueReader(device, loop: loop)
        await loop.run { device.deviceDidDisappear = { continuation.finish() } }
        await reader.start()
        let last = Self.packet(.v6, payload: [9])
        #expect(write(other, last, last.count) == last.count)
        close(other)
        #expect(try await reader.next().bytes == last)
        for await _ in stream {}
    }

    @Test("works with a descriptor that epoll refuses")
    func worksWithoutEpoll() async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        let directory = try TemporaryDirectory()
        let path = directory.path + "/packet"
        let packet = Self.packet(.v6, payload: [7, 7])
        try Data(packet).write(to: URL(fileURLWithPath: path))
        let file = open(path, O_RDWR)
        defer { close(file) }
        let refusal = await loop.run {
            let handler = IgnoringHandler()
            return (try? loop.register(file, interest: .readable, handler: handler)) == nil
        }
        #expect(refusal, "a regular file was expected to be refused by epoll_ctl(2)")

        let device = try ForeignDevice(descriptor: file, mtu: 1500, loop: loop)
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let reader = QueueReader(device, loop: loop)
        await loop.run { device.deviceDidDisappear = { continuation.finish() } }
        await reader.start()
        #expect(try await reader.next().bytes == packet)
        // A regular file is readable at its end for ever; the device takes that for the end.
        for await _ in stream {}
        await loop.run { device.close() }
    }

    @Test("stops the watching thread of such a descriptor while nothing is readable")
    func stopsPoller() async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        let (given, other) = try Self.pair()
        defer { for descriptor in [given, other] { close(descriptor) } }
        let (stream, continuation) = AsyncStream.makeStream(of: DescriptorEvents.self)
        let poller = await loop.run {
            DescriptorPoller(given, loop: loop) { events in
                var byte: UInt8 = 0
                _ = read(given, &byte, 1)
                continuation.yield(events)
            }
        }
        var iterator = stream.makeAsyncIterator()
        for _ in 0..<3 {
            #expect(write(other, [1], 1) == 1)
            #expect(await iterator.next()?.contains(.readable) == true)
        }
        await loop.run {
            poller.stop()
            poller.stop()
            continuation.finish()
        }
        #expect(write(other, [1], 1) == 1)
        #expect(await iterator.next() == nil)
    }

    @Test("refuses a number that is no descriptor")
    func refusesBadDescriptor() throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        let error = #expect(throws: NetworkSetupError.self) {
            try ForeignDevice(descriptor: 1_000_000, mtu: 1500, loop: loop)
        }
        #expect(error?.description == "cannot use TunFileDescriptor 1000000: Bad file descriptor")
    }
}

private final class IgnoringHandler: DescriptorHandler {
    func descriptorIsReady(_ events: DescriptorEvents) {}
}
