import Foundation
import Glibc
import IPPacket

@testable import LinuxNetwork

/// A socket of the namespace in which it was made. Blocks for five seconds at most.
class TestSocket: @unchecked Sendable {
    let descriptor: Int32

    init(_ family: UInt8, _ type: __socket_type, descriptor: Int32? = nil) throws {
        self.descriptor = descriptor ?? socket(Int32(family), Int32(type.rawValue), 0)
        guard self.descriptor >= 0 else { throw Self.error() }
        try setTimeout(milliseconds: 5000)
    }

    deinit { close(descriptor) }

    static func error() -> POSIXError { POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }

    func setTimeout(milliseconds: Int) throws {
        var time = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        let size = socklen_t(MemoryLayout<timeval>.size)
        guard setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size) == 0,
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size) == 0
        else { throw Self.error() }
    }

    func bind(_ address: IPAddress, port: UInt16) throws {
        guard Self.withAddress(address, port: port, { Glibc.bind(descriptor, $0, $1) }) == 0 else { throw Self.error() }
    }

    static func withAddress<Result>(
        _ address: IPAddress,
        port: UInt16,
        _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result
    ) -> Result {
        var storage = [UInt8](repeating: 0, count: 28)
        storage.withUnsafeMutableBytes { $0.storeBytes(of: UInt16(address.family), as: UInt16.self) }
        storage[2] = UInt8(port >> 8)
        storage[3] = UInt8(port & 0xff)
        let start = address.isIPv4 ? 4 : 8
        storage.replaceSubrange(start..<start + address.networkBytes.count, with: address.networkBytes)
        return storage.withUnsafeBytes { bytes in
            body(bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, address.isIPv4 ? 16 : 28)
        }
    }
}

final class DatagramSocket: TestSocket, @unchecked Sendable {
    init(bound address: IPAddress, port: UInt16) throws {
        try super.init(address.family, SOCK_DGRAM)
        try bind(address, port: port)
    }

    func send(_ bytes: [UInt8], to address: IPAddress, port: UInt16) throws {
        let count = Self.withAddress(address, port: port) { sendto(descriptor, bytes, bytes.count, 0, $0, $1) }
        guard count == bytes.count else { throw Self.error() }
    }

    /// Lets the kernel cut what is sent into datagrams of this size (`UDP_SEGMENT` of `udp(7)`).
    func segmentDatagrams(size: Int32) throws {
        let udpSegment: Int32 = 103
        var size = size
        guard setsockopt(descriptor, Int32(IPPROTO_UDP), udpSegment, &size, socklen_t(MemoryLayout<Int32>.size)) == 0
        else { throw Self.error() }
    }

    /// The next datagram; nil if none came in time.
    func receive() throws -> [UInt8]? { try receiveWithSource()?.bytes }

    /// The next datagram and the sender; nil if none came in time.
    func receiveWithSource() throws -> (bytes: [UInt8], source: IPAddress, port: UInt16)? {
        var buffer = [UInt8](repeating: 0, count: 65_535)
        var storage = [UInt8](repeating: 0, count: 28)
        var length = socklen_t(storage.count)
        let count = storage.withUnsafeMutableBytes { bytes in
            recvfrom(
                descriptor,
                &buffer,
                buffer.count,
                0,
                bytes.assumingMemoryBound(to: sockaddr.self).baseAddress,
                &length
            )
        }
        guard count >= 0 else {
            guard errno == EAGAIN else { throw Self.error() }
            return nil
        }
        let bytes = length == 16 ? storage[4..<8] : storage[8..<24]
        guard let source = IPAddress(networkBytes: bytes) else { return nil }
        return (Array(buffer[..<count]), source, UInt16(storage[2]) << 8 | UInt16(storage[3]))
    }
}

final class StreamSocket: TestSocket, @unchecked Sendable {
    init(listeningAt address: IPAddress, port: UInt16) throws {
        try super.init(address.family, SOCK_STREAM)
        try bind(address, port: port)
        guard listen(descriptor, 5) == 0 else { throw Self.error() }
    }

    init(connectedTo address: IPAddress, port: UInt16) throws {
        try super.init(address.family, SOCK_STREAM)
        guard Self.withAddress(address, port: port, { connect(descriptor, $0, $1) }) == 0 else { throw Self.error() }
    }

    private init(accepted descriptor: Int32) throws {
        try super.init(0, SOCK_STREAM, descriptor: descriptor)
    }

    func accept() throws -> StreamSocket {
        let accepted = Glibc.accept(descriptor, nil, nil)
        guard accepted >= 0 else { throw Self.error() }
        return try StreamSocket(accepted: accepted)
    }

    /// Sends everything. Blocks a thread of its own, none of those that run tasks.
    func send(_ bytes: [UInt8]) async throws {
        try await onThread { try self.sendNow(bytes) }
    }

    /// Waits for `wanted` bytes, likewise.
    func receive(count wanted: Int) async throws -> [UInt8] {
        try await onThread { try self.receiveNow(wanted) }
    }

    private func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Swift.Result { try body() }) }.start()
        }
    }

    private func sendNow(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                write(descriptor, bytes.baseAddress.map { $0 + sent }, bytes.count - sent)
            }
            guard count > 0 else { throw Self.error() }
            sent += count
        }
    }

    private func receiveNow(_ wanted: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < wanted {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { throw Self.error() }
            bytes += buffer[..<count]
        }
        return bytes
    }
}
