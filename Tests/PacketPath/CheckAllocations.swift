import CAllocationCounter
import Glibc
import PacketTunnel

/// Carries 100,000 packets in every scenario, and ends the program at the first allocation in their course.
func checkAllocations() throws {
    let packetCount = 100_000
    let before = allocation_count()
    let proof = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 8)
    proof.deallocate()
    guard allocation_count() > before else {
        printError("the counter does not see what Swift allocates")
        terminate(1)
    }
    for (path, scenario) in try Scenario.all() {
        // Buffers are drawn, tables grow, and lazy values are made on the first packets.
        scenario.run(packets: 5_000)
        let carried = path.carriedCount
        allocation_trace_next()
        let start = allocation_count()
        scenario.run(packets: packetCount)
        let count = allocation_count() - start
        allocation_trace_none()
        guard count == 0 else {
            printError("\(scenario.name): \(count) allocations in \(packetCount) packets; the first one is above")
            terminate(1)
        }
        guard path.carriedCount > carried || scenario.name.hasSuffix("refused") else {
            printError("\(scenario.name): nothing was carried")
            terminate(1)
        }
        print("\(scenario.name): no allocation in \(packetCount) packets")
    }
}

func printError(_ text: String) {
    let line = Array("packet-path: \(text)\n".utf8)
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}

func terminate(_ code: Int32) -> Never { exit(code) }
