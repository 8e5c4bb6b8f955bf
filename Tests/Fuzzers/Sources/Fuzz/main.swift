import CLibFuzzer
import Glibc

@testable import SSHTransport

// Usage: fuzz TARGET [libFuzzer's options and corpus folders]
// `fuzz list` prints the targets, `fuzz seeds FOLDER` writes what they start from. `run` beside the package builds and
// runs them all.

let targets: [String: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32] = [
    "packet": { fuzzPacket(Input($0, $1)) },
    "frames-psiphon": { fuzzFrames(Input($0, $1), as: .psiphon) },
    "frames-openssh": { fuzzFrames(Input($0, $1), as: .openSSH) },
    "frames-gso": { fuzzFrames(Input($0, $1), as: .gso) },
    "dns": { fuzzDNS(Input($0, $1)) },
    "dns-stream": { fuzzDNSStream(Input($0, $1)) },
    "segments": { fuzzSegments(Input($0, $1)) },
    "fragments": { fuzzFragments(Input($0, $1)) },
    "gso-header": { fuzzGSOHeader(Input($0, $1)) },
    "key-options": { fuzzKeyOptions(Input($0, $1)) },
    "authorized-keys": { fuzzAuthorizedKeys(Input($0, $1)) },
    "known-hosts": { fuzzKnownHosts(Input($0, $1)) },
    "revoked-keys": { fuzzRevokedKeys(Input($0, $1)) },
    "public-key": { fuzzPublicKey(Input($0, $1)) },
    "agent": { fuzzAgent(Input($0, $1)) },
    "tunnel-request": { fuzzTunnelRequest(Input($0, $1)) },
    "ssh-config": { fuzzSSHConfig(Input($0, $1)) },
    "ssh-option": { fuzzSSHOption(Input($0, $1)) },
    "values": { fuzzValues(Input($0, $1)) },
    "daemon-configuration": { fuzzDaemonConfiguration(Input($0, $1)) },
    "control": { fuzzControl(Input($0, $1)) },
    "ssh-packets": { fuzzSSHPackets(Input($0, $1)) },
    "ssh-session": { fuzzSSHSession(Input($0, $1)) },
]

if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "seeds" {
    writeSeeds(to: CommandLine.arguments[2])
    exit(0)
}
guard CommandLine.arguments.count > 1, let target = targets[CommandLine.arguments[1]] else {
    for name in targets.keys.sorted() { print(name) }
    exit(CommandLine.arguments.last == "list" ? 0 : 64)
}
try SSHRuntime.initialize()
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
// The driver skips what looks like no option or folder of its own: the target's name has to go.
for index in 1..<Int(count) { arguments?[index] = arguments?[index + 1] }
count -= 1
exit(LLVMFuzzerRunDriver(&count, &arguments, target))
