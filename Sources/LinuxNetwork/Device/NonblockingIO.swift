public import EventLoops
internal import Glibc
internal import PacketTunnel
internal import Synchronization

/// Interruptible reading and writing of a descriptor that somebody else opened: the seed's `NonblockingIO`.
///
/// The descriptor is duplicated, non-blocking and closed on exec; the given one stays the caller's (the file behind both is
/// non-blocking from then on). Files that epoll(7) refuses are watched by a thread of their own. May be used from any task;
/// one reads and one writes at a time, others wait for their turn.
public final class NonblockingIO: Sendable {
    private let end: LoopBound<NonblockingEnd>
    private let closed = Atomic<Bool>(false)

    /// Duplicates `descriptor`.
    ///
    /// - Parameter loop: the thread that waits; has to run until `close` has returned.
    /// - Throws: `NetworkSetupError` when it is not an open descriptor.
    public init(descriptor: Int32, loop: EventLoop) throws(NetworkSetupError) {
        end = LoopBound(try NonblockingEnd(descriptor: descriptor, loop: loop), on: loop)
    }

    /// The loop closes what nobody has closed: it may be reading just now.
    deinit {
        guard !isClosed else { return }
        end.execute { $0.close() }
    }

    /// True once `close` was called.
    public var isClosed: Bool { closed.load(ordering: .acquiring) }

    /// Reads what one read(2) gives, as soon as there is something: one packet, where the file keeps boundaries.
    ///
    /// - Parameter limit: bytes, at least 1; a packet that is longer loses its rest.
    /// - Returns: the bytes; none at the end of the file.
    /// - Throws: `IOInterruption` after `close`, `SystemCallError`.
    public func read(upTo limit: Int = 65_535) async throws -> [UInt8] {
        precondition(limit > 0, "a read of nothing says nothing")
        return try await perform { end, completion in end.read(limit: limit, completion: completion) }
    }

    /// Writes all of `bytes`; one write(2) where the file takes them at once, so a packet stays whole.
    ///
    /// - Throws: `IOInterruption` after `close`, `SystemCallError`. Some of the bytes may have been written then.
    public func write(_ bytes: [UInt8]) async throws {
        _ = try await perform { end, completion in end.write(bytes, completion: completion) }
    }

    /// Closes the duplicate and interrupts tasks that read or write. Returns when it is closed. Idempotent.
    public func close() async {
        await withCheckedContinuation { continuation in
            end.execute { [self] end in
                closed.store(true, ordering: .releasing)
                end.close()
                continuation.resume()
            }
        }
    }

    private func perform(
        _ work: @escaping @Sendable (NonblockingEnd, @escaping NonblockingEnd.Completion) -> Void
    ) async throws -> [UInt8] {
        let end = end
        return try await withCheckedThrowingContinuation { continuation in
            end.execute { end in work(end) { continuation.resume(with: $0) } }
        }
    }
}

/// What a read or a write that was under way throws after `NonblockingIO.close`.
public struct IOInterruption: Error, Equatable, Sendable, CustomStringConvertible {
    /// One line for a log.
    public var description: String { "the descriptor was closed" }
}
