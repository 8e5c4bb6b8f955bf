internal import CTunnelControl
internal import EventLoops
internal import Glibc
internal import Synchronization

/// Descriptors that came with a message. Whoever sent them may still have them, and may mean harm.
///
/// Closes what nobody has taken. From any thread.
public final class PassedDescriptors: Sendable {
    private let descriptors: Mutex<[Int32]>

    init(_ descriptors: [Int32]) {
        self.descriptors = Mutex(descriptors)
    }

    deinit {
        for descriptor in take() { DescriptorDisposal.close(descriptor) }
    }

    /// Descriptors that have not been taken.
    public var count: Int { descriptors.withLock { $0.count } }

    /// The two ends of a byte stream that can neither block nor be made to block: UNIX stream sockets, or pipes, which
    /// are opened anew, because whoever passed a pipe could switch its waiting on again.
    ///
    /// - Returns: two descriptors that belong to the caller.
    /// - Throws: `ControlError` for anything else, which is closed.
    public func takeStreams() throws(ControlError) -> (input: Int32, output: Int32) {
        let taken = take()
        guard taken.count == 2 else {
            for descriptor in taken { DescriptorDisposal.close(descriptor) }
            throw ControlError(.system, "two descriptors are needed, \(taken.count) came")
        }
        let input = Self.privateEnd(taken[0], forWriting: false)
        let output = Self.privateEnd(taken[1], forWriting: true)
        guard input >= 0, output >= 0 else {
            for descriptor in [input, output] where descriptor >= 0 { DescriptorDisposal.close(descriptor) }
            let code = min(input, output)
            let reason = code == -ENOTSUP ? "neither a pipe nor a UNIX stream socket" : ControlError.text(code)
            throw ControlError(.system, "standard input and output cannot be used: \(reason)")
        }
        return (input, output)
    }

    private func take() -> [Int32] {
        descriptors.withLock { descriptors in
            defer { descriptors = [] }
            return descriptors
        }
    }

    /// The stream behind a passed descriptor, which is used up; or `-errno`.
    private static func privateEnd(_ descriptor: Int32, forWriting: Bool) -> Int32 {
        if tunnelcontrol_is_stream_socket(descriptor) { return descriptor }
        let reopened = tunnelcontrol_reopen_pipe(descriptor, forWriting)
        DescriptorDisposal.close(descriptor)
        return reopened
    }
}
