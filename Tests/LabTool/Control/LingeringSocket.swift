internal import Glibc
internal import IPPacket

/// A TCP socket whose close waits for a minute, because its other side does not read.
struct LingeringSocket: Sendable {
    /// What cuts the wait off when it is closed.
    let listener: Socket
    /// The caller closes it, from a thread that may wait.
    let sender: Int32

    init() throws {
        listener = try Socket.bound(SOCK_STREAM, to: Endpoint(IPAddress(ipv4: 0x7f00_0001), port: 0))
        let connected = try Socket.connected(SOCK_STREAM, to: try listener.place())
        sender = dup(connected.descriptor)
        try setLinger(seconds: 60)
        let piece = [UInt8](repeating: 0, count: 65_536)
        while send(sender, piece, piece.count, Int32(MSG_DONTWAIT)) > 0 {}
    }

    /// 0 has the socket closed at once, whatever waits in it.
    func setLinger(seconds: Int32) throws {
        var value = linger(l_onoff: 1, l_linger: seconds)
        let size = socklen_t(MemoryLayout<linger>.size)
        try SystemFailure.check(setsockopt(sender, SOL_SOCKET, SO_LINGER, &value, size), "SO_LINGER")
    }
}
