import EventLoops
import Foundation
import Glibc
import PacketTunnel
import Testing

@testable import LinuxNetwork

/// Devices that nobody closes: their loop goes on, and may be serving one of them just then.
@Suite("A device that is let go of", .timeLimit(.minutes(5)))
struct AbandonedDeviceTests {
    private static func pair() throws -> (given: Int32, other: Int32) {
        var descriptors: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &descriptors) == 0 else {
            throw TestSocket.error()
        }
        return (descriptors[0], descriptors[1])
    }

    /// How many descriptors of a file are watched by any epoll instance of this process (proc_pid_fdinfo(5)).
    private static func watchCount(of descriptor: Int32) -> Int {
        var status = stat()
        fstat(descriptor, &status)
        let inode = " ino:" + String(status.st_ino, radix: 16) + " "
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fdinfo")) ?? []
        return names.reduce(0) { count, name in
            let text = (try? String(contentsOfFile: "/proc/self/fdinfo/\(name)", encoding: .utf8)) ?? ""
            return count + text.split(separator: "\n").count { $0.hasPrefix("tfd:") && "\($0) ".contains(inode) }
        }
    }

    @Test("is watched no more, though its file stays open and has something to read")
    func foreignDevice() async throws {
        let loop = try EventLoop(name: "abandoned")
        defer { loop.stop() }
        let (given, other) = try Self.pair()
        defer { for descriptor in [given, other] { close(descriptor) } }
        try await Self.start(given, on: loop)
        #expect(write(other, [1], 1) == 1)
        await loop.run {}
        #expect(Self.watchCount(of: given) == 0)
    }

    /// Makes a device that is gone when this returns.
    private static func start(_ descriptor: Int32, on loop: EventLoop) async throws {
        let device = try ForeignDevice(descriptor: descriptor, mtu: 1500, loop: loop)
        await loop.run { device.start {} }
        #expect(watchCount(of: descriptor) == 1)
    }

    @Test("is watched no more, when it is a port or what reads and writes a descriptor", arguments: [false, true])
    func owners(isPort: Bool) async throws {
        let loop = try EventLoop(name: "abandoned")
        defer { loop.stop() }
        let (given, other) = try Self.pair()
        defer { for descriptor in [given, other] { close(descriptor) } }
        if isPort {
            _ = PacketPort(device: try ForeignDevice(descriptor: given, mtu: 1500, loop: loop), loop: loop)
        } else {
            let file = try NonblockingIO(descriptor: given, loop: loop)
            let reading = Task { try? await file.read() }
            await eventually { Self.watchCount(of: given) == 1 }
            #expect(write(other, [1], 1) == 1)
            #expect(await reading.value == [1])
        }
        await loop.run {}
        await loop.run {}
        #expect(Self.watchCount(of: given) == 0)
    }

    /// A race, which this loses as often as it can: the loop serves the device while the last reference goes.
    @Test("is not used by a turn that is under way")
    func races() async throws {
        let loop = try EventLoop(name: "abandoned")
        defer { loop.stop() }
        let (given, other) = try Self.pair()
        defer { for descriptor in [given, other] { close(descriptor) } }
        for _ in 0..<2_000 {
            let port = PacketPort(device: try ForeignDevice(descriptor: given, mtu: 1500, loop: loop), loop: loop)
            _ = send(other, [0x45], 1, Int32(MSG_DONTWAIT))
            #expect(port.mtu == 1500)
        }
        await loop.run {}
        #expect(Self.watchCount(of: given) == 0)
    }
}
