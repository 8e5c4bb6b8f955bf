internal import EventLoops
internal import Glibc

/// The part of a `NonblockingIO` that lives on its loop. A direction is watched only while somebody waits for it.
final class NonblockingEnd {
    typealias Completion = (Result<[UInt8], any Error>) -> Void

    private struct Read {
        let limit: Int
        let completion: Completion
    }

    private struct Write {
        let bytes: [UInt8]
        var written = 0
        let completion: Completion
    }

    private let loop: EventLoop
    /// The same file twice: an epoll instance watches a descriptor once.
    private let input: Int32
    private let output: Int32
    private var isClosed = false
    private var reads: [Read] = []
    private var writes: [Write] = []
    private var readWatch: DescriptorWatch?
    private var writeSide: Registration?

    init(descriptor: Int32, loop: EventLoop) throws(NetworkSetupError) {
        self.loop = loop
        input = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard input >= 0 else { throw .system("use the descriptor \(descriptor)", code: errno) }
        output = fcntl(input, F_DUPFD_CLOEXEC, 0)
        let flags = fcntl(input, F_GETFL)
        guard output >= 0, flags >= 0, fcntl(input, F_SETFL, flags | O_NONBLOCK) == 0 else {
            let code = errno
            Glibc.close(input)
            if output >= 0 { Glibc.close(output) }
            throw .system("make the descriptor \(descriptor) non-blocking", code: code)
        }
    }

    deinit {
        guard !isClosed else { return }
        Glibc.close(input)
        Glibc.close(output)
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        readWatch?.cancel()
        readWatch = nil
        writeSide?.cancel()
        writeSide = nil
        Glibc.close(input)
        Glibc.close(output)
        let interrupted = reads.map(\.completion) + writes.map(\.completion)
        (reads, writes) = ([], [])
        for completion in interrupted { completion(.failure(IOInterruption())) }
    }

    // MARK: Reading

    func read(limit: Int, completion: @escaping Completion) {
        guard !isClosed else { return completion(.failure(IOInterruption())) }
        reads.append(Read(limit: limit, completion: completion))
        if reads.count == 1 { serveReads() }
    }

    private func serveReads() {
        while let next = reads.first {
            var count = -1
            let bytes = [UInt8](unsafeUninitializedCapacity: next.limit) { memory, initialized in
                count = Glibc.read(input, memory.baseAddress, next.limit)
                initialized = max(0, count)
            }
            let code = errno
            if count < 0, code == EAGAIN || code == EINTR { return watchInput() }
            reads.removeFirst()
            next.completion(count < 0 ? .failure(SystemCallError("read", code: code)) : .success(bytes))
        }
        readWatch?.cancel()
        readWatch = nil
    }

    private func watchInput() {
        guard readWatch == nil else { return }
        readWatch = DescriptorWatch(
            input,
            loop: loop,
            readable: { [weak self] in self?.serveReads() },
            ended: { [weak self] in self?.serveReads() }
        )
    }

    // MARK: Writing

    func write(_ bytes: [UInt8], completion: @escaping Completion) {
        guard !isClosed else { return completion(.failure(IOInterruption())) }
        writes.append(Write(bytes: bytes, completion: completion))
        if writes.count == 1 { serveWrites() }
    }

    private func serveWrites() {
        while var next = writes.first {
            let count = next.bytes.withUnsafeBytes { bytes in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[next.written...])
                return Glibc.write(output, rest.baseAddress, rest.count)
            }
            let code = errno
            if count < 0, code == EAGAIN || code == EINTR { return watchOutput() }
            next.written += max(0, count)
            guard count < 0 || next.written >= next.bytes.count else {
                writes[0] = next
                continue
            }
            writes.removeFirst()
            next.completion(count < 0 ? .failure(SystemCallError("write", code: code)) : .success([]))
        }
        writeSide?.setInterest([])
    }

    private func watchOutput() {
        if let writeSide { return writeSide.setInterest(.writable) }
        do {
            writeSide = try loop.register(output, interest: .writable, handler: self)
        } catch {
            // A file that epoll refuses never makes a writer wait; whatever this is, nobody would hear of its end.
            let refused = writes.removeFirst()
            refused.completion(.failure(error))
        }
    }
}

extension NonblockingEnd: DescriptorHandler {
    func descriptorIsReady(_ events: DescriptorEvents) {
        guard !isClosed else { return }
        if writes.isEmpty { writeSide?.setInterest([]) } else { serveWrites() }
    }
}
