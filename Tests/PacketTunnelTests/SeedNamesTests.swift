import Foundation
import Testing

/// The table in the documentation that says where each name of the Go package is here.
@Suite("The table of the seed's names")
struct SeedNamesTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

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
        let page = root.appending(path: "Sources/PacketTunnel/PacketTunnel.docc/SeedNames.md")
        let span = try Regex("`+([^`]+)`+")
        return try String(contentsOf: page, encoding: .utf8).split(separator: "\n").compactMap { line in
            let columns = line.split(separator: "|")
            guard columns.count == 2, columns[0].contains("`") else { return nil }
            let spans = columns.map { column in column.matches(of: span).map { String($0.output[1].substring ?? "") } }
            return (spans[0], spans[1])
        }
    }

    private static func sources() throws -> String {
        let files = FileManager.default.enumerator(at: root.appending(path: "Sources"), includingPropertiesForKeys: nil)
        var text = ""
        while let file = files?.nextObject() as? URL {
            if file.pathExtension == "swift" { text += try String(contentsOf: file, encoding: .utf8) }
        }
        return text
    }

    @Test("has every exported name of the seed")
    func complete() throws {
        let named = Set(try Self.rows().flatMap(\.seed))
        #expect(Self.seed.filter { !named.contains($0) } == [])
    }

    @Test("names nothing here that is not declared, with its labels")
    func exists() throws {
        let sources = try Self.sources()
        let rows = try Self.rows()
        #expect(rows.count > 50)
        for row in rows {
            #expect(!row.here.isEmpty, "\(row.seed)")
            for symbol in row.here { #expect(Self.isDeclared(symbol, in: sources), "\(symbol)") }
        }
    }

    /// Looks for `Type`, `Type.member`, `Type/member(label:label:)` and `parameter`.
    private static func isDeclared(_ symbol: String, in sources: String) -> Bool {
        let parts = symbol.split(separator: "(", maxSplits: 1)
        let path = parts[0].split { $0 == "/" || $0 == "." }
        let labels = parts.count == 2 ? parts[1].dropLast().split(separator: ":") : []
        let isKnown = path.allSatisfy { name in
            let keywords = ["class", "struct", "enum", "protocol", "typealias", "case", "func", "var", "let"]
            return name == "init" || keywords.contains { sources.contains("\($0) \(name)") }
        }
        guard isKnown, let last = path.last, !labels.isEmpty || symbol.hasSuffix("()") else { return isKnown }
        // Every label follows in the parameter list, as the name or the outer name of a parameter.
        return sources.ranges(of: last == "init" ? "init(" : "func \(last)(").contains { range in
            let list = sources[range.upperBound...].prefix(400)
            return labels.allSatisfy { list.contains("\($0):") || list.contains("\($0) ") }
        }
    }
}
