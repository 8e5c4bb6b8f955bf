import EventLoops
import Glibc
import LinuxNetwork

func nonblocking(_ loop: EventLoop) async throws {
    let (near, far) = socketPair(SOCK_SEQPACKET)
    let one = try NonblockingIO(descriptor: near, loop: loop)
    let other = try NonblockingIO(descriptor: far, loop: loop)
    try await one.write([1, 2, 3])
    try check("NonblockingIO.Write, NonblockingIO.Read", try await other.read() == [1, 2, 3])
    async let reading = try? other.read()
    await other.close()
    try check("NonblockingIO.Close", await reading == nil)
    try check("NonblockingIO.IsClosed", other.isClosed && !one.isClosed)
    await one.close()
    for descriptor in [near, far] { close(descriptor) }
}
