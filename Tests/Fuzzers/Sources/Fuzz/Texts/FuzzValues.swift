import OpenSSHSyntax

@testable import TunnelConfiguration

/// Any word as each kind of value that a configuration or a command line has: what is accepted is read back from its own text.
func fuzzValues(_ input: Input) -> Int32 {
    var input = input
    let kind = Int(input.byte())
    let text = input.text()
    kinds[kind % kinds.count](text)
    return 0
}

private let kinds: [@Sendable (String) -> Void] = [
    { same(Destination.self, $0) }, { same(ListenAddress.self, $0) }, { same(MaxStartups.self, $0) },
    { same(PortSet.self, $0) }, { same(DomainName.self, $0) }, { same(CongestionControl.self, $0) },
    { same(UserPattern.self, $0) }, { same(KeyFilePattern.self, $0) }, { same(DeniedNetworks.self, $0) },
    { same(PermittedNetworks.self, $0) }, { same(NetBlockSize.self, $0) }, { same(ClientAddress.self, $0) },
    { same(SessionName.self, $0) },
    { text in
        guard let jump = try? JumpHosts(parsing: text) else { return }
        check((try? JumpHosts(parsing: jump.description)) == jump, "\(jump) is read back")
        check(jump.hosts.allSatisfy { !$0.host.hasPrefix("-") }, "no host is an option")
    },
    { text in
        guard let size = try? ByteCount.parse(text) else { return }
        check((try? ByteCount.parse(ByteCount.text(size))) == size, "\(size) bytes are read back")
    },
    { text in
        guard let time = try? TimeSpan.parse(text) else { return }
        check((try? TimeSpan.parse(TimeSpan.text(time))) == time, "\(time) is read back")
    },
    { text in
        guard let prefix = try? PrefixText.parse(text) else { return }
        check((try? PrefixText.parse("\(prefix)")) == prefix, "\(prefix) is read back")
        check(prefix.contains(prefix.network), "a network has its own address")
    },
    { text in
        let escaped = TerminalText.escaped(text)
        check(TerminalText.escaped(escaped) == escaped, "what is escaped is harmless")
        check(!escaped.utf8.contains(0x1b), "and has no escape character")
    },
    { text in
        let resolvers = SystemResolvers(parsing: text, file: "file")
        check(resolvers.addresses.count <= 16 && resolvers.unusable.count <= 16, "resolvers are limited")
        check(Set(resolvers.addresses).count == resolvers.addresses.count, "each once")
    },
]

private func same<Value: ConfigurationValue>(_ type: Value.Type, _ text: String) {
    guard let value = try? Value(parsing: text) else { return }
    let again = try? Value(parsing: value.description)
    check(again == value, "\(type) \(value.description.debugDescription) is read back")
}
