import Glibc
import PacketTunnelTestKit

// Usage: link-emulator DEVICE DEVICE PATH
//
// Makes two tun devices and carries packets between them as a path does: PATH is for example 20ms,100mbit,1%,250kb (see
// EmulatedLink.Properties). Prints "ready" once they are there, and runs until a signal.

func complain(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}

func fail(_ text: String) -> Never {
    complain("link-emulator: \(text)")
    exit(71)
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let properties = EmulatedLink.Properties(arguments[3]) else {
    complain("usage: link-emulator DEVICE DEVICE 20ms,100mbit,1%,250kb")
    exit(64)
}
guard let near = TunEnd(name: arguments[1]), let far = TunEnd(name: arguments[2]) else {
    fail("the devices cannot be made: \(String(cString: strerror(errno)))")
}
_ = write(STDOUT_FILENO, "ready\n", 6)

let ends = [near, far]
var links = [EmulatedLink(properties, seed: 1), EmulatedLink(properties, seed: 2)]
var buffer = TunEnd.makeBuffer()

func monotonicTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Waits for a packet, and no longer than until `time`. By select(2), as poll(2) knows milliseconds alone.
func wait(until time: UInt64?) {
    var descriptors = fd_set()
    withUnsafeMutableBytes(of: &descriptors) { bits in
        for end in ends { bits[Int(end.descriptor) / 8] |= 1 << UInt8(end.descriptor % 8) }
    }
    let count = 1 + max(near.descriptor, far.descriptor)
    guard let time else {
        _ = select(count, &descriptors, nil, nil, nil)
        return
    }
    let now = monotonicTime()
    let left = time > now ? time - now : 0
    var timeout = timeval(tv_sec: Int(left / 1_000_000_000), tv_usec: Int(left % 1_000_000_000 / 1_000))
    _ = select(count, &descriptors, nil, nil, &timeout)
}

while true {
    wait(until: links.compactMap(\.nextArrival).min())
    for index in 0..<2 {
        // What waits in a device has come by now; a flood must not keep the other direction waiting.
        var left = 64
        while left > 0, let packet = ends[index].read(into: &buffer) {
            links[index].send(packet, now: monotonicTime())
            left -= 1
        }
        while let packet = links[index].receive(now: monotonicTime()) { ends[1 - index].write(packet) }
    }
}
