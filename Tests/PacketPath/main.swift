import CAllocationCounter
import PacketTunnel

// Usage: packet-path allocations | speed [WORD...]
//
// allocations: exit code 1 at the first scenario in which the steady state allocates.
// speed: nanoseconds per packet of every scenario whose name contains all words.

let arguments = CommandLine.arguments.dropFirst()
switch arguments.first {
case "allocations": try checkAllocations()
case "speed": try measureSpeed(words: arguments.dropFirst())
default:
    printError("usage: packet-path allocations | speed [WORD...]")
    terminate(64)
}
