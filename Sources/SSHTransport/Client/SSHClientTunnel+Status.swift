internal import EventLoops
internal import PacketTunnel

extension SSHClientTunnel {
    /// Asks the server for the answer to a command, on a channel beside the tunnel. From any thread.
    ///
    /// - Parameter whenAnswered: called on the loop with what it has said, once, when it has said all; never if it does not
    ///   run such commands, or says more than 1 MiB.
    public func ask(_ command: String, whenAnswered: @escaping @Sendable ([UInt8]) -> Void) {
        session.loop.execute { [self] in
            var options = SSHChannelOptions()
            options.extraReceiveWindow = 0
            options.closesAtEndOfFile = true
            session.openChannel(type: "session", options: options) { result in
                guard case .success(let channel) = result else { return }
                channel.setReceiver(CommandAnswer(whenAnswered))
                channel.sendExecute(command)
            }
        }
    }
}

/// Collects what a command says.
private final class CommandAnswer: PacketTransportReceiver {
    private static let limit = 1 << 20

    private let whenAnswered: @Sendable ([UInt8]) -> Void
    private var output: [UInt8] = []

    init(_ whenAnswered: @escaping @Sendable ([UInt8]) -> Void) {
        self.whenAnswered = whenAnswered
    }

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        guard output.count + bytes.byteCount <= Self.limit else { return }
        bytes.withUnsafeMutableBytes { output += $0 }
    }

    func transportDidBecomeWritable() {}

    func transportDidClose(reason: String) {
        if !output.isEmpty { whenAnswered(output) }
    }
}
