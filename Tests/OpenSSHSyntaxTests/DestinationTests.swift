import OpenSSHSyntax
import Testing

@Suite struct DestinationTests {
    @Test(
        "destinations are understood as stock ssh does",
        arguments: [
            ("vpn", nil, "vpn", nil), ("alice@vpn.example", "alice", "vpn.example", nil),
            ("a@b@host", "a@b", "host", nil),
            ("alice@2001:db8::1", "alice", "2001:db8::1", nil), ("[2001:db8::1]", nil, "2001:db8::1", nil),
            ("ssh://alice@vpn.example:2222", "alice", "vpn.example", 2222), ("ssh://vpn/", nil, "vpn", nil),
            ("ssh://[2001:db8::1]:22", nil, "2001:db8::1", 22),
        ] as [(String, String?, String, UInt16?)]
    )
    func destinations(text: String, user: String?, host: String, port: UInt16?) throws {
        let destination = try Destination(parsing: text)
        #expect(destination.user == user)
        #expect(destination.host == host)
        #expect(destination.port == port)
        #expect(try Destination(parsing: destination.description) == destination)
    }

    @Test(
        "what is no destination, or would be an option to another command, is refused",
        arguments: [
            "", "@host", "alice@", "-oProxyCommand=x", "alice@-x", "-a@host", "a b", "ssh://host:0", "ssh://host:x",
            "ssh://host/x",
            "[::1]:22", "ho\nst", "a[b", "s[][c",
        ]
    )
    func badDestinations(text: String) {
        #expect(throws: ValueProblem.self) { try Destination(parsing: text) }
    }

    @Test("options of ssh_config are known in any case, and a slip gets a guess")
    func sshOptions() throws {
        let option = try SSHOption(parsing: "stricthostkeychecking=no")
        #expect(option.name == "StrictHostKeyChecking")
        #expect(option.value == "no")
        #expect(try SSHOption(parsing: "UserKnownHostsFile \"/a b\" /c").value == "/a b /c")
        let problem = #expect(throws: ValueProblem.self) { try SSHOption(parsing: "StrictHostKeyCheking=no") }
        #expect(problem?.hint == "did you mean StrictHostKeyChecking?")
        #expect(throws: ValueProblem.self) { try SSHOption(parsing: "StrictHostKeyChecking") }
    }

    @Test(
        "the value of an option that a letter stands for is taken as it is",
        arguments: ["eth0", "a b", "a\"b", "a\\b", "a\\\"b\\", "it's", "a#b", "=x", "\"quoted\""]
    )
    func optionOfOneWord(word: String) throws {
        let option = try SSHOption("BindInterface", word: word)
        #expect(option.words == [word])
        #expect(try SSHOption(parsing: option.description) == option)
    }

    @Test(
        "jump hosts are written as they are read",
        arguments: [
            ("a", 1), ("u@a:7", 1), ("a,b@c:7,d", 3), ("[2001:db8::1]:7", 1), ("u@[2001:db8::1]", 1), ("u@v@a", 1),
            ("none", 0),
        ]
    )
    func jumpHosts(text: String, count: Int) throws {
        let hosts = try JumpHosts(parsing: text)
        #expect(hosts.hosts.count == count)
        #expect(hosts.description == text)
        #expect(try JumpHosts(parsing: hosts.description) == hosts)
    }
}
