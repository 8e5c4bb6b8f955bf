import Glibc
import Synchronization

@testable import TunnelControl

/// What a test's server was given.
final class Taken: Sendable {
    private let value = Mutex<(request: TunnelRequest, input: Int32, output: Int32, peer: ControlPeer)?>(nil)
    private let hasEnded = Atomic<Bool>(false)

    var isOver: Bool { hasEnded.load(ordering: .acquiring) }
    var request: TunnelRequest? { value.withLock { $0?.request } }
    var peer: ControlPeer? { value.withLock { $0?.peer } }
    var streams: (input: Int32, output: Int32)? { value.withLock { $0.map { ($0.input, $0.output) } } }

    func put(_ request: TunnelRequest, _ streams: (input: Int32, output: Int32), _ peer: ControlPeer) {
        value.withLock { $0 = (request, streams.input, streams.output, peer) }
    }

    func end() { hasEnded.store(true, ordering: .releasing) }

    deinit {
        if let streams {
            close(streams.input)
            close(streams.output)
        }
    }
}
