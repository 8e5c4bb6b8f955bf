internal import Glibc

extension Socket {
    /// Sends all of it; of a datagram socket it is one datagram.
    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        repeat {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            rest = rest.dropFirst(try SystemFailure.check(count, "send"))
        } while !rest.isEmpty
    }

    /// Sends one datagram to a place.
    func send(_ bytes: [UInt8], to place: Endpoint) throws {
        let count = place.withSocketAddress { sendto(descriptor, bytes, bytes.count, 0, $0, $1) }
        try SystemFailure.check(count, "send to \(place)")
    }

    /// What comes next, one datagram or a piece of a stream; empty at its end.
    func receive(atMost limit: Int = 65_536) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = try SystemFailure.check(recv(descriptor, buffer.baseAddress, limit, 0), "receive")
        }
    }

    /// The next datagram, and who sent it.
    func receiveFrom(atMost limit: Int = 65_536) throws -> (bytes: [UInt8], sender: Endpoint) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let bytes = try [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            let result = withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, buffer.baseAddress, limit, 0, $0, &length)
                }
            }
            count = try SystemFailure.check(result, "receive")
        }
        guard let sender = Endpoint(storage) else { throw SystemFailure(call: "receive", code: EAFNOSUPPORT) }
        return (bytes, sender)
    }

    /// Says that nothing follows.
    func endSending() throws {
        try SystemFailure.check(shutdown(descriptor, Int32(SHUT_WR)), "end sending")
    }
}
