import CTunnelControl
import Glibc

@testable import TunnelControl

/// A peer that sends what it likes.
final class RawSocket {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = tunnelcontrol_connect(path, 5)
        guard descriptor >= 0 else { throw ControlError.call("connect", descriptor) }
    }

    deinit { close(descriptor) }

    func send(_ message: [UInt8], _ descriptors: [Int32] = []) {
        _ = tunnelcontrol_send(descriptor, message, message.count, descriptors, Int32(descriptors.count))
    }

    /// Nil at the end of the connection.
    func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var message = tunnelcontrol_message()
        guard tunnelcontrol_receive(descriptor, &buffer, buffer.count, &message) == 0, message.length > 0 else {
            return nil
        }
        return Array(buffer.prefix(message.length))
    }
}
