import Foundation
import Testing

/// The table in the documentation that says where each name of the Go package is here.
@Suite("The table of the seed's names")
struct SeedNamesTests {
    /// The index of the seed: every exported function, type, method, field and constant.
    private static let seed: [String] = [
        "BindToDevice", "GetTransparentDNSResolverIPv4Address", "GetTransparentDNSResolverIPv6Address", "IsSupported",
        "OpenTunDevice", "AllowedPortChecker", "FlowActivityUpdater", "UpdateProgress", "FlowActivityUpdaterMaker",
        "MetricsUpdater", "Server", "NewServer", "Server.ClientConnected", "Server.ClientDisconnected", "Client",
        "NewClient", "Channel", "NewChannel", "Channel.Close", "Channel.ReadPacket", "Channel.WriteFramedPackets",
        "Channel.WritePacket", "Device", "NewClientDevice", "NewClientDeviceFromFD", "NewServerDevice", "Device.Close",
        "Device.Name", "Device.ReadPacket", "Device.WritePacket", "NonblockingIO", "NewNonblockingIO",
        "NonblockingIO.Close", "NonblockingIO.IsClosed", "NonblockingIO.Read", "NonblockingIO.Write", "PacketQueue",
        "NewPacketQueue", "PacketQueue.DequeueFramedPackets", "PacketQueue.Enqueue", "PacketQueue.Replace",
        "ServerConfig", "ServerConfig.Logger", "ServerConfig.SudoNetworkConfigCommands",
        "ServerConfig.AllowNoIPv6NetworkConfiguration", "ServerConfig.EgressInterface",
        "ServerConfig.GetDNSResolverIPv4Addresses", "ServerConfig.GetDNSResolverIPv6Addresses",
        "ServerConfig.DownstreamPacketQueueSize", "ServerConfig.MTU", "ServerConfig.SessionIdleExpirySeconds",
        "ClientConfig", "ClientConfig.Logger", "ClientConfig.SudoNetworkConfigCommands",
        "ClientConfig.AllowNoIPv6NetworkConfiguration", "ClientConfig.MTU", "ClientConfig.UpstreamPacketQueueSize",
        "ClientConfig.Transport", "ClientConfig.TunFileDescriptor", "ClientConfig.IPv4AddressCIDR",
        "ClientConfig.IPv6AddressCIDR", "ClientConfig.RouteDestinations", "DEFAULT_MTU",
        "DEFAULT_DOWNSTREAM_PACKET_QUEUE_SIZE", "DEFAULT_UPSTREAM_PACKET_QUEUE_SIZE",
        "DEFAULT_IDLE_SESSION_EXPIRY_SECONDS", "ORPHAN_METRICS_CHECKPOINTER_PERIOD", "FLOW_IDLE_EXPIRY",
        "DEFAULT_PUBLIC_INTERFACE_NAME",
    ]

    /// The rows of all tables: the code spans of either column.
    private static func rows() throws -> [(seed: [String], here: [String])] {
        let page = try Repository.text("Sources/PacketTunnel/PacketTunnel.docc/SeedNames.md")
        let span = try Regex("`+([^`]+)`+")
        return page.split(separator: "\n").compactMap { line in
            let columns = line.split(separator: "|")
            guard columns.count == 2, columns[0].contains("`") else { return nil }
            let spans = columns.map { column in column.matches(of: span).map { String($0.output[1].substring ?? "") } }
            return (spans[0], spans[1])
        }
    }

    /// What is declared below `Sources`: each name, and what follows it, where parameters would stand.
    private static func declarations() throws -> [String: [String]] {
        let keywords = ["class", "struct", "enum", "protocol", "typealias", "case", "func", "var", "let"]
        let files = FileManager.default.enumerator(
            at: Repository.root.appending(path: "Sources"),
            includingPropertiesForKeys: nil
        )
        var found: [String: [String]] = [:]
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let text = Array(try Data(contentsOf: file))
            var previous = ""
            for word in text.split(whereSeparator: { !isPartOfName($0) }) {
                let name = String(decoding: word, as: UTF8.self)
                if name == "init" || keywords.contains(previous) {
                    let next = text[word.endIndex..<min(word.endIndex + 400, text.count)]
                    found[name, default: []].append(String(decoding: next, as: UTF8.self))
                }
                previous = name
            }
        }
        return found
    }

    private static func isPartOfName(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f
    }

    @Test("has every exported name of the seed")
    func complete() throws {
        let named = Set(try Self.rows().flatMap(\.seed))
        #expect(Self.seed.filter { !named.contains($0) } == [])
    }

    @Test("names nothing here that is not declared, with its labels")
    func exists() throws {
        let declarations = try Self.declarations()
        let rows = try Self.rows()
        #expect(rows.count > 50)
        for row in rows {
            #expect(!row.here.isEmpty, "\(row.seed)")
            #expect(row.here.filter { !Self.isDeclared($0, in: declarations) } == [])
        }
    }

    /// Looks for `Type`, `Type.member`, `Type/member(label:label:)` and `parameter`.
    private static func isDeclared(_ symbol: String, in declarations: [String: [String]]) -> Bool {
        let parts = symbol.split(separator: "(", maxSplits: 1)
        let path = parts[0].split { $0 == "/" || $0 == "." }.map { String($0) }
        guard path.allSatisfy({ declarations[$0] != nil }), let last = path.last else { return false }
        guard parts.count == 2 else { return true }
        // Every label follows, as the name or the outer name of a parameter.
        let labels = parts[1].dropLast().split(separator: ":")
        return declarations[last]?.contains { list in
            list.hasPrefix("(") && labels.allSatisfy { list.contains("\($0):") || list.contains("\($0) ") }
        } == true
    }
}
