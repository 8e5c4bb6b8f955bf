// Calls every operation of the seed by its name here, from outside: a name that is not public does not compile. Prints a
// line for each that worked. As root, in a network namespace of its own.

import EventLoops
import Glibc
import IPPacket
import LinuxNetwork
import Logging
import PacketTunnel
import PacketTunnelTestKit
import SSHTransport

struct Failed: Error {
    let what: String
}

/// Prints a line for an operation that did what it should, and ends the program for one that did not.
func check(_ operation: String, _ isRight: Bool) throws {
    guard isRight else { throw Failed(what: operation) }
    print("ok", operation)
}

/// Two ends of a stream, or of a socket that keeps packets apart.
func socketPair(_ type: __socket_type = SOCK_STREAM) -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    socketpair(AF_UNIX, Int32(type.rawValue), 0, &ends)
    return (ends[0], ends[1])
}

func datagram(_ version: IPVersion) -> [UInt8] {
    let ends = version == .v4 ? ["10.111.0.2", "203.0.113.9"] : ["fd11::2", "2001:db8::9"]
    let addresses = ends.compactMap { IPAddress($0) }
    return PacketBuilder.udp(source: addresses[0], destination: addresses[1], payload: [1, 2, 3])
}

let logger = Logger(label: "seed", factory: { _ in SwiftLogNoOpLogHandler() })
let loop = try EventLoop(name: "seed")
do {
    try check("libssh \(SSHLibrary.version)", !SSHServerConfiguration().keyExchanges.isEmpty)
    try constants()
    try await channel(loop)
    try await queue()
    try await nonblocking(loop)
    try await devices(loop)
    try await serverAndClient(loop)
} catch let failure as Failed {
    print("not ok", failure.what)
    exit(1)
}
loop.stop()
