import PacketTunnel
import Synchronization

@testable import SSHTransport

/// The client's end of a tunnel, seen from the test's thread.
final class ClientEnd: PacketTransportReceiver, Sendable {
    let tunnel: SSHClientTunnel
    private let state = Mutex<(bytes: [UInt8], closeReason: String?, endReason: String?)>(([], nil, nil))
    private let changed = Signal()

    init(_ tunnel: SSHClientTunnel) { self.tunnel = tunnel }

    var closeReason: String? { state.withLock { $0.closeReason } }

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        let received = bytes.withUnsafeBytes { Array($0) }
        state.withLock { $0.bytes += received }
        changed.signal()
    }

    func transportDidBecomeWritable() {}

    func transportDidClose(reason: String) { state.withLock { $0.closeReason = reason } }

    func ended(_ reason: String) {
        state.withLock { $0.endReason = reason }
        changed.signal()
    }

    func waitForBytes(_ count: Int) -> [UInt8] {
        while true {
            let now = state.withLock { $0 }
            if now.bytes.count >= count || now.endReason != nil { return now.bytes }
            changed.wait()
        }
    }

    func waitForEnd() -> String {
        while true {
            if let reason = state.withLock({ $0.endReason }) { return reason }
            changed.wait()
        }
    }
}
