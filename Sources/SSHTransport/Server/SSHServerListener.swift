internal import EventLoops
internal import Glibc

/// One listening socket on a server's first loop.
final class SSHServerListener: DescriptorHandler, @unchecked Sendable {
    private let descriptor: Int32
    private let loop: EventLoop
    private weak var server: SSHServer?
    private var registration: Registration?

    /// Connections taken per turn: a flood of them must not keep the loop's own clients waiting.
    private static let batch = 16

    init?(_ descriptor: Int32, server: SSHServer, loop: EventLoop) {
        self.descriptor = descriptor
        self.server = server
        self.loop = loop
        do {
            registration = try loop.register(descriptor, interest: .readable, handler: self)
        } catch {
            close(descriptor)
            return nil
        }
    }

    func descriptorIsReady(_ events: DescriptorEvents) {
        for _ in 0..<Self.batch {
            guard let (peer, address, port) = SSHServerSocket.accept(descriptor) else {
                let code = errno
                if code != EAGAIN, code != EINTR, code != ECONNABORTED { pause(SystemCallError("accept", code: code)) }
                return
            }
            server?.accepted(peer, address: address, port: port)
        }
    }

    /// Out of descriptors or memory, the waiting connection would wake the loop without end.
    private func pause(_ error: SystemCallError) {
        server?.logAcceptFailure(error)
        registration?.setInterest([])
        loop.schedule(after: 200_000_000) { [weak self] in self?.registration?.setInterest(.readable) }
    }

    func stop() {
        guard let registration else { return }
        registration.cancel()
        self.registration = nil
        close(descriptor)
    }
}
