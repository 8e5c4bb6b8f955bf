import CLinuxNetwork
import IPPacket
import Testing

@testable import LinuxNetwork

@Suite("Netlink messages")
struct NetlinkMessageTests {
    /// Reads hex digits; what follows a `#` is a comment.
    private static func hex(_ text: String) -> [UInt8] {
        let lines = text.split(separator: "\n").map { $0.prefix { $0 != "#" } }
        let digits = lines.joined().filter { !$0.isWhitespace }
        return stride(from: 0, to: digits.count, by: 2).compactMap { position in
            let start = digits.index(digits.startIndex, offsetBy: position)
            return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)
        }
    }

    @Test("lays out the request for an IPv4 address")
    func ipv4Address() {
        let message = RouteMessages.address(
            InterfaceAddress(address("10.0.0.1"), prefixLength: 8),
            index: 7,
            removes: false
        )
        let expected = Self.hex(
            """
            30000000 1400 0506 02000000 00000000            # length 48, RTM_NEWADDR, request|ack|create|exclusive, sequence, port
            02 08 00 00 07000000                            # AF_INET, /8, flags, scope, interface 7
            0800 0200 0a000001                              # IFA_LOCAL
            0800 0100 0a000001                              # IFA_ADDRESS
            0800 0800 00000000                              # IFA_FLAGS
            """
        )
        #expect(message.finished(sequence: 2) == expected)
    }

    @Test("lays out the request for an IPv6 address, without duplicate address detection")
    func ipv6Address() {
        let message = RouteMessages.address(
            InterfaceAddress(address("fd00::1"), prefixLength: 104),
            index: 7,
            removes: false
        )
        let expected = Self.hex(
            """
            48000000 1400 0506 01000000 00000000
            0a 68 02 00 07000000                            # AF_INET6, /104, IFA_F_NODAD
            1400 0200 fd000000000000000000000000000001      # IFA_LOCAL
            1400 0100 fd000000000000000000000000000001      # IFA_ADDRESS
            0800 0800 02000000                              # IFA_F_NODAD
            """
        )
        #expect(message.finished(sequence: 1) == expected)
    }

    @Test("lays out the request for a route")
    func route() {
        let route = Route(prefix("192.0.2.9/32"), gateway: address("192.0.2.1"), interfaceIndex: 3, metric: 5)
        let expected = Self.hex(
            """
            44000000 1800 0506 01000000 00000000            # length 68, RTM_NEWROUTE
            02 20 00 00 fc 04 00 01 00000000                # AF_INET, /32, table: see RTA_TABLE, static, universe, unicast
            0800 0100 c0000209                              # RTA_DST
            0800 0f00 fe000000                              # RTA_TABLE
            0800 0500 c0000201                              # RTA_GATEWAY
            0800 0400 03000000                              # RTA_OIF
            0800 0600 05000000                              # RTA_PRIORITY
            """
        )
        #expect(RouteMessages.route(route, removes: false).finished(sequence: 1) == expected)
    }

    @Test(
        "reads back the routes it writes",
        arguments: [
            Route(prefix("10.0.0.0/8"), interfaceIndex: 2),
            Route(prefix("0.0.0.0/0"), gateway: address("192.0.2.1"), interfaceIndex: 4, metric: 100),
            Route(prefix("fd00::/104"), interfaceIndex: 2, metric: 256, table: 1000),
            Route(prefix("::/0"), gateway: address("fe80::1"), interfaceIndex: 4, metric: 1024),
        ]
    )
    func readsRoutes(_ route: Route) throws {
        let bytes = RouteMessages.route(route, removes: false).finished(sequence: 9)
        var found: [Route?] = []
        NetlinkAnswer.each(in: bytes + bytes) { sequence, answer in
            #expect(sequence == 9)
            found.append(Route(answer))
        }
        #expect(found == [route, route])
    }

    @Test("survives every truncation of an answer")
    func survivesTruncation() {
        let route = Route(prefix("fd00::/104"), gateway: address("fe80::1"), interfaceIndex: 2, metric: 256)
        let bytes = RouteMessages.route(route, removes: false).finished(sequence: 9)
        for length in bytes.indices {
            var cut = Array(bytes[..<length])
            var count = 0
            NetlinkAnswer.each(in: cut) { _, _ in count += 1 }
            #expect(count == 0)
            // The same with a header that admits the shorter length.
            guard length >= 16 else { continue }
            cut[0] = UInt8(length)
            NetlinkAnswer.each(in: cut) { _, answer in _ = Route(answer) }
        }
    }

    @Test(
        "lists the loopback addresses and their routes without privilege",
        .enabled(if: (try? HostNetwork.addresses())?.isEmpty == false, "no interface of this host is up")
    )
    func listsHost() throws {
        #expect(try HostNetwork.addresses().contains { $0.address == address("127.0.0.1") })
        #expect(try HostNetwork.interface(of: address("127.0.0.1")) == "lo")
        #expect(try HostNetwork.interface(of: address("192.0.2.77")) == nil)
        #expect(try HostNetwork.routes(.v4).contains { $0.kind == .local && $0.interfaceName == "lo" })
        let route = try #require(try HostNetwork.route(to: address("127.0.0.1")))
        #expect(route.kind == .local && route.destination == prefix("127.0.0.1/32"))
    }
}
