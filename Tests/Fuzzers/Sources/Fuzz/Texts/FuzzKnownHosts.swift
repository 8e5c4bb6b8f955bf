@testable import SSHTransport

/// Any text as a `known_hosts` file: it makes no key known that it has not, and takes back no revocation.
func fuzzKnownHosts(_ input: Input) -> Int32 {
    var input = input
    let port: UInt16 = input.byte() & 1 == 0 ? 22 : 2_222
    let text = KeyText.expand(input.text())
    let name = KnownHostsName.name(host: "VPN.example", port: port)
    func read(_ texts: String...) -> KnownHosts {
        var hosts = KnownHosts(name: name, nameWithoutPort: port == 22 ? nil : "vpn.example", files: [])
        for text in texts { hosts.add(text, from: "file") }
        return hosts
    }
    let hosts = read(text)
    let isListed = text.contains(KeyText.strangersBase64)
    check(isListed || hosts.verdict(on: KeyText.stranger) != .known, "a key that no line has is not known")
    let revoked = "@revoked * ssh-ed25519 \(KeyText.hostBase64)"
    for hosts in [read(text, revoked), read(revoked, text), read("\(text)\n\(revoked)"), read("\(revoked)\n\(text)")] {
        guard case .revoked = hosts.verdict(on: KeyText.host) else {
            check(false, "a revoked key stays revoked")
            return 0
        }
    }
    guard !isListed else { return 0 }
    let line = KnownHostsFile.line(KeyText.stranger, name: name)
    let added = read("\(text)\n\(line)\n").verdict(on: KeyText.stranger)
    check(added == .known, "a key that is added is known")
    return 0
}
