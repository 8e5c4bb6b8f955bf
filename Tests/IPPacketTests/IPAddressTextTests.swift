import IPPacket
import PacketTunnelTestKit
import Testing

@Suite struct IPAddressTextTests {
    @Test(
        "reads addresses and writes them in the form of RFC 5952",
        arguments: [
            ("0.0.0.0", "0.0.0.0"),
            ("192.0.2.1", "192.0.2.1"),
            ("255.255.255.255", "255.255.255.255"),
            ("::", "::"),
            ("::1", "::1"),
            ("1::", "1::"),
            ("2001:DB8::A", "2001:db8::a"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("0:0:1::", "0:0:1::"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
            ("::1.2.3.4", "::102:304"),
            ("1::1.2.3.4", "1::102:304"),
        ]
    )
    func reads(_ text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
    }

    @Test("gives the bits in the order of the text")
    func bits() {
        #expect(IPAddress("192.0.2.1")?.ipv4 == 0xc000_0201)
        #expect(IPAddress("1:2:3:4:5:6:7:8")?.bits == 0x0001_0002_0003_0004_0005_0006_0007_0008)
        #expect(IPAddress("192.0.2.1")?.isIPv4 == true && IPAddress("::192.0.2.1")?.isIPv4 == false)
    }

    @Test(
        "refuses what is no address",
        arguments: [
            "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", " 1.2.3.4", "256.1.1.1", "01.2.3.4", "1.2.3.00", "1..2.3",
            "1.2.3.", ".1.2.3", "1.2.3.-4", "1.2.3.+4", "0x1.2.3.4", "1.2.3.4/8", "99999999999999999999.1.1.1",
            ":", ":::", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
            "1::2::3", "1:::2", "12345::", "g::", "::1%eth0", "[::1]", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3",
            "::1.2.3.4:5",
            "1.2.3.4::", "::01.2.3.4", "::1.2.3.256", "1:2:3:4:5:6:7:", "-1::", "::１",
        ]
    )
    func refuses(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "refuses an IPv6 text of a mapped IPv4 address",
        arguments: ["::ffff:1.2.3.4", "::ffff:102:304", "0::FFFF:0:0"]
    )
    func refusesMapped(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("reads back each random address that it has written")
    func roundTrip() {
        var random = SeededGenerator(seed: 30)
        for _ in 0..<5_000 {
            // Groups of zeros are what is easy to get wrong.
            let groups = (0..<8).map { _ in
                Bool.random(using: &random) ? 0 : UInt128(random.next() & 0xffff)
            }
            let six = IPAddress(bits: groups.reduce(0) { $0 << 16 | $1 })
            let four = IPAddress(ipv4: UInt32(truncatingIfNeeded: random.next()))
            #expect(IPAddress(four.description) == four)
            guard !six.isIPv4 else { continue }
            #expect(IPAddress(six.description) == six, "\(six)")
        }
    }

    @Test(
        "reads prefixes, and writes their network and length",
        arguments: [
            ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3/8", "10.0.0.0/8"), ("192.0.2.1", "192.0.2.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"), ("2001:db8::1/32", "2001:db8::/32"), ("2001:db8::1", "2001:db8::1/128"),
            ("::/0", "::/0"), ("fe80::/10", "fe80::/10"),
        ]
    )
    func readsPrefixes(_ text: String, canonical: String) throws {
        let prefix = try #require(IPPrefix(text))
        #expect(prefix.description == canonical)
    }

    @Test(
        "refuses what is no prefix",
        arguments: [
            "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "::/129", "::/0/0", "10/8", "a/8",
        ]
    )
    func refusesPrefixes(_ text: String) {
        #expect(IPPrefix(text) == nil)
    }

    @Test("contains exactly the addresses that share its leading bits")
    func contains() throws {
        let four = try #require(IPPrefix("192.0.2.128/25"))
        #expect(four.contains(address("192.0.2.128")) && four.contains(address("192.0.2.255")))
        #expect(!four.contains(address("192.0.2.127")) && !four.contains(address("192.0.3.0")))
        #expect(!four.contains(address("::192.0.2.128")))
        let six = try #require(IPPrefix("2001:db8::/33"))
        #expect(six.contains(address("2001:db8:7fff::1")) && !six.contains(address("2001:db8:8000::")))
    }

    @Test("keeps the families apart, even in the prefix of all addresses")
    func families() throws {
        let everything = try (four: #require(IPPrefix("0.0.0.0/0")), six: #require(IPPrefix("::/0")))
        #expect(everything.four.contains(address("192.0.2.1")) && !everything.four.contains(address("2001:db8::1")))
        #expect(everything.six.contains(address("2001:db8::1")) && !everything.six.contains(address("192.0.2.1")))
        #expect(!everything.six.overlaps(everything.four) && !everything.four.overlaps(everything.six))
    }

    @Test("overlaps what it holds and what holds it, and nothing beside it")
    func overlaps() throws {
        let wide = try #require(IPPrefix("10.0.0.0/8"))
        let narrow = try #require(IPPrefix("10.1.0.0/16"))
        let beside = try #require(IPPrefix("10.2.0.0/16"))
        #expect(wide.overlaps(narrow) && narrow.overlaps(wide) && wide.overlaps(wide))
        #expect(!narrow.overlaps(beside) && !beside.overlaps(narrow))
    }
}
