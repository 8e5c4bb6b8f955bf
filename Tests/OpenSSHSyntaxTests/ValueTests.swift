import IPPacket
import OpenSSHSyntax
import Testing

@Suite struct ValueTests {
    @Test(
        "times are sums of weeks, days, hours, minutes and seconds",
        arguments: [
            ("90", 90, "1m30s"), ("5m", 300, "5m"), ("1h30m", 5400, "1h30m"), ("1H", 3600, "1h"), ("2d", 172_800, "2d"),
            ("1w1s", 604_801, "1w1s"), ("0", 0, "0"), ("1m30", 90, "1m30s"),
        ] as [(String, Int64, String)]
    )
    func times(text: String, seconds: Int64, shortest: String) throws {
        let time = try TimeSpan.parse(text)
        #expect(time == .seconds(seconds))
        #expect(TimeSpan.text(time) == shortest)
    }

    @Test(
        "what is no time is refused",
        arguments: ["", "m", "5x", "-1", "1.5", "5 m", "99999999999999999999", "9999999999w", "٣"]
    )
    func badTimes(text: String) {
        #expect(throws: ValueProblem.self) { try TimeSpan.parse(text) }
    }

    @Test(
        "sizes count in powers of 1024",
        arguments: [
            ("0", 0, "0"), ("1000", 1000, "1000"), ("4M", 4 << 20, "4M"), ("512k", 512 << 10, "512K"),
            ("1G", 1 << 30, "1G"),
        ]
            as [(String, UInt64, String)]
    )
    func sizes(text: String, bytes: UInt64, shortest: String) throws {
        #expect(try ByteCount.parse(text) == bytes)
        #expect(ByteCount.text(bytes) == shortest)
    }

    @Test(
        "what is no size is refused",
        arguments: ["", "M", "4T", "-4M", "4.5M", "99999999999999999999", "18446744073709551615K"]
    )
    func badSizes(text: String) {
        #expect(throws: ValueProblem.self) { try ByteCount.parse(text) }
    }

    @Test(
        "port lists are merged and put in order",
        arguments: [
            ("any", "any"), ("none", "none"), ("ANY", "any"), ("443,80", "80,443"), ("1-65535", "any"),
            ("80,81,82-90", "80-90"),
            ("1000-2000,1500-3000", "1000-3000"), ("53", "53"),
        ]
    )
    func ports(text: String, merged: String) throws {
        #expect(try PortSet(parsing: text).description == merged)
    }

    @Test("a port is in the list or not")
    func portMembership() throws {
        let ports = try PortSet(parsing: "53,1000-2000,65535")
        #expect([53, 1000, 1999, 2000, 65535].allSatisfy { ports.contains($0) })
        #expect(![0, 52, 54, 999, 2001, 65534].contains { ports.contains($0) })
        #expect(!PortSet.any.contains(0))
    }

    @Test("what is no port list is refused", arguments: ["", "0", "65536", "80,", ",80", "90-80", "a", "1-2-3", "80-"])
    func badPorts(text: String) {
        #expect(throws: ValueProblem.self) { try PortSet(parsing: text) }
    }

    @Test(
        "addresses to listen on may have a port",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:22", "192.0.2.1:22"), ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"), ("[2001:db8::1]:22", "[2001:db8::1]:22"), ("0.0.0.0", "0.0.0.0"),
            ("::", "::"),
        ]
    )
    func listenAddresses(text: String, canonical: String) throws {
        #expect(try ListenAddress(parsing: text).description == canonical)
    }

    @Test(
        "what is no address to listen on is refused",
        arguments: [
            "", "localhost", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:", "[2001:db8::1]22", "[2001:db8::1", "*",
        ]
    )
    func badListenAddresses(text: String) {
        #expect(throws: ValueProblem.self) { try ListenAddress(parsing: text) }
    }

    @Test("start-up limits are three numbers or one")
    func maxStartups() throws {
        #expect(try MaxStartups(parsing: "10:30:100") == MaxStartups(begin: 10, rate: 30, full: 100))
        #expect(try MaxStartups(parsing: "5") == MaxStartups(begin: 5, rate: 100, full: 5))
    }

    @Test(
        "impossible start-up limits are refused",
        arguments: ["", "10:30", "0", "100:30:10", "10:0:20", "10:101:20", "a:b:c", "1:2:3:4", "10:x:20"]
    )
    func badMaxStartups(text: String) {
        #expect(throws: ValueProblem.self) { try MaxStartups(parsing: text) }
    }

    @Test("domains lose case and final dot")
    func domains() throws {
        #expect(try DomainName(parsing: "Ads.Example.").description == "ads.example")
        #expect(try DomainName(parsing: "xn--bcher-kva.example").description == "xn--bcher-kva.example")
    }

    @Test(
        "what is no domain is refused",
        arguments: [
            "", ".", "a..b", "*.example", ".example", "bücher.example", "a b", String(repeating: "a", count: 64),
        ]
    )
    func badDomains(text: String) {
        #expect(throws: ValueProblem.self) { try DomainName(parsing: text) }
    }
}
