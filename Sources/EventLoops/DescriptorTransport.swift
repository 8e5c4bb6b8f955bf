internal import CEventLoops
internal import Glibc
public import PacketTunnel

/// A `PacketTransport` over descriptors: a connected socket, or the two pipes of a child process or of an SSH subsystem.
///
/// Owns its descriptors from `init` on and closes them. At most one write is ever held back, so that packets wait
/// where they can still be ordered and dropped.
///
/// A program that passes a descriptor may keep a copy of it and make it blocking again. Sockets are safe from that: each call says
/// that it must not wait, descriptors that arrive in a socket end the transport, and what is closed is closed elsewhere,
/// because a close may take as long as somebody likes. A pipe has to be opened anew to be safe. Writing to a pipe whose reader has gone raises
/// SIGPIPE, which the program has to ignore.
public final class DescriptorTransport: PacketTransport, @unchecked Sendable {  // used on its loop alone
    /// The loop that owns the transport.
    public let loop: any PacketLoop
    /// As much as a pipe takes at once.
    public let preferredWriteSize = 65_536

    /// For log lines; nobody but the program knows where its descriptors lead to.
    public var peerAddress: String?

    /// Called once on the loop when the stream has ended and its descriptors are closed, after the receiver's
    /// `transportDidClose`.
    public var onEnd: ((_ reason: String) -> Void)?
    /// The first bytes that have arrived, 256 at most: what a command says that does not do what it should. Empty as
    /// long as nothing has arrived.
    public private(set) var opening: [UInt8] = []
    /// True once the core has had something to send.
    public private(set) var hasWritten = false
    /// Called once on the loop with the first bytes, before the receiver hears of them.
    public var onOpening: ((_ opening: [UInt8]) -> Void)?

    private let eventLoop: EventLoop
    private let inputIsSocket: Bool
    private let outputIsSocket: Bool
    private let input: Int32
    private let output: Int32
    private var readSide: Registration?
    private var writeSide: Registration?
    private var receiver: (any PacketTransportReceiver)?
    private var unsent: [UInt8] = []
    private var unsentStart = 0
    private var isClosed = false
    /// Kept, so that no call has to fill it anew.
    private var passed = eventloop_descriptors()
    private lazy var writeHandler = WriteHandler(transport: self)

    /// Takes two descriptors over; both may be the same. On the loop's thread.
    ///
    /// - Throws: `SystemCallError` when one of them cannot be watched; both are closed then.
    public init(input: Int32, output: Int32, loop: EventLoop) throws {
        loop.preconditionCurrent()
        self.loop = loop
        self.eventLoop = loop
        self.input = input
        self.output = output
        inputIsSocket = Self.isSocket(input)
        outputIsSocket = Self.isSocket(output)
        for descriptor in [input, output] {
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        do {
            readSide = try loop.register(input, interest: [], handler: self)
            if output != input { writeSide = try loop.register(output, interest: [], handler: writeHandler) }
        } catch {
            closeDescriptors()
            throw error
        }
    }

    /// Everything, unless earlier bytes are still held back.
    public var writableByteCount: Int { isClosed || unsentStart < unsent.count ? 0 : preferredWriteSize }

    /// Sends `bytes`, or holds back what the descriptor does not take.
    public func write(_ bytes: RawSpan) -> Int {
        guard writableByteCount > 0 else { return 0 }
        hasWritten = true
        let count = bytes.byteCount
        let written = max(0, bytes.withUnsafeBytes { writeNow($0) })
        if written < count {
            unsent.removeAll(keepingCapacity: true)
            bytes.withUnsafeBytes { unsent.append(contentsOf: $0[written...]) }
            unsentStart = 0
            waitForRoom(true)
        }
        return count
    }

    /// Begins to read.
    public func setReceiver(_ receiver: any PacketTransportReceiver) {
        self.receiver = receiver
        readSide?.setInterest(.readable)
    }

    /// Closes both descriptors; what is held back is lost, as packets may be.
    public func close() {
        guard !isClosed else { return }
        closeDescriptors()
        loop.execute { [self] in end(reason: "closed") }
    }

    private func closeDescriptors() {
        isClosed = true
        readSide?.cancel()
        writeSide?.cancel()
        dispose(of: input, isSocket: inputIsSocket)
        if output != input { dispose(of: output, isSocket: outputIsSocket) }
    }

    /// Whatever the closing waits for, the other side hears of the end at once.
    private func dispose(of descriptor: Int32, isSocket: Bool) {
        if isSocket {
            shutdown(descriptor, Int32(SHUT_RDWR))
        } else if Self.isPipe(descriptor) {
            Glibc.close(descriptor)
            return
        }
        DescriptorDisposal.close(descriptor)
    }

    private func end(reason: String) {
        if !isClosed { closeDescriptors() }
        let receiver = self.receiver
        self.receiver = nil
        receiver?.transportDidClose(reason: reason)
        let onEnd = self.onEnd
        self.onEnd = nil
        onEnd?(reason)
    }

    private func waitForRoom(_ waits: Bool) {
        if let writeSide {
            writeSide.setInterest(waits ? .writable : [])
        } else {
            readSide?.setInterest(waits ? [.readable, .writable] : .readable)
        }
    }

    private static func isSocket(_ descriptor: Int32) -> Bool {
        var type: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0
    }

    /// A pipe holds bytes alone: to close it never waits.
    private static func isPipe(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    private func writeNow(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard outputIsSocket else { return Glibc.write(output, bytes.baseAddress, bytes.count) }
        return send(output, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }

    /// Nobody reads any more. Without an end the kernel would report it again and again.
    fileprivate func outputHasEnded() {
        guard !isClosed else { return }
        end(reason: "the other side has stopped reading")
    }

    fileprivate func becameWritable() {
        guard !isClosed, unsentStart < unsent.count else { return }
        let written = unsent.withUnsafeBytes { bytes in
            writeNow(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[unsentStart...]))
        }
        guard written > 0 else {
            if written < 0 && errno != EAGAIN { end(reason: "write: \(String(cString: strerror(errno)))") }
            return
        }
        unsentStart += written
        guard unsentStart == unsent.count else { return }
        waitForRoom(false)
        receiver?.transportDidBecomeWritable()
    }

    /// Receives from a socket. Nobody honest passes descriptors in a stream of packets.
    private func receive(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = eventloop_receive(input, buffer.baseAddress, buffer.count, &passed)
        guard passed.count > 0 else { return count }
        let passedCount = Int(passed.count)
        withUnsafeBytes(of: &passed.descriptors) { bytes in
            for descriptor in bytes.bindMemory(to: Int32.self).prefix(passedCount) {
                DescriptorDisposal.close(descriptor)
            }
        }
        end(reason: "the other side passes descriptors")
        return 0
    }

    private func read() {
        let buffer = eventLoop.scratch
        let count = inputIsSocket ? receive(buffer) : Glibc.read(input, buffer.baseAddress, buffer.count)
        guard !isClosed else { return }
        guard count > 0 else {
            if count < 0 && errno == EAGAIN { return }
            return end(reason: count == 0 ? "the other side has closed" : "read: \(String(cString: strerror(errno)))")
        }
        if opening.isEmpty {
            opening = Array(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<min(count, 256)]))
            onOpening?(opening)
            onOpening = nil
        }
        var bytes = MutableRawSpan(_unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
        receiver?.transportDidReceive(&bytes)
        receiver?.transportDidFinishReceiving()
    }
}

extension DescriptorTransport: DescriptorHandler {
    /// Reads once, and writes what is held back.
    public func descriptorIsReady(_ events: DescriptorEvents) {
        if writeSide == nil && events.contains(.writable) { becameWritable() }
        guard !isClosed, receiver != nil, !events.isDisjoint(with: [.readable, .ended]) else { return }
        read()
    }
}

/// Hears of the second descriptor.
private final class WriteHandler: DescriptorHandler {
    private weak var transport: DescriptorTransport?

    init(transport: DescriptorTransport) {
        self.transport = transport
    }

    func descriptorIsReady(_ events: DescriptorEvents) {
        // Held: it may end, and be let go of, in the first of the two.
        guard let transport else { return }
        if events.contains(.writable) { transport.becameWritable() }
        if !events.isDisjoint(with: .ended) { transport.outputHasEnded() }
    }
}
