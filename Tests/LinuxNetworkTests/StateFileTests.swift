import Foundation
import Glibc
import IPPacket
import Testing

@testable import LinuxNetwork

@Suite("State file")
struct StateFileTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// The one file in the directory, or where it would be.
    private var path: String {
        let names = try? FileManager.default.contentsOfDirectory(atPath: directory.path)
        return directory.path + "/" + (names?.first ?? "none")
    }

    private func leftovers() async -> [[String]] {
        var found: [[String]] = []
        await StateFile.leftovers(in: directory.path) { records in
            found.append(records)
            return true
        }
        return found
    }

    private func write(_ records: [String]) throws {
        let file = try StateFile(directory: directory.path, name: "ptun0")
        for record in records { try file.append(record) }
    }

    @Test("is private to its user, in a directory that others may pass through")
    func isPrivate() throws {
        let file = try StateFile(directory: directory.path + "/new", name: "ptun0")
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let above = try FileManager.default.attributesOfItem(atPath: directory.path + "/new")
        #expect(above[.posixPermissions] as? Int == 0o711)
    }

    @Test("hands over what its last owner had noted, once")
    func handsOver() async throws {
        try write(["table a", "sysctl net/x 0 1"])
        #expect(await leftovers() == [["table a", "sysctl net/x 0 1"]])
        #expect(await leftovers() == [])
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("is no left-over while its owner lives, and can have no second owner")
    func isLocked() async throws {
        let file = try StateFile(directory: directory.path, name: "ptun0")
        try file.append("table a")
        #expect(await leftovers() == [])
        let error = #expect(throws: NetworkSetupError.self) {
            try StateFile(directory: directory.path, name: "ptun0")
        }
        #expect(error?.kind == .alreadyRunning)
        file.remove()
    }

    @Test("forgets what was taken back")
    func forgets() async throws {
        do {
            let file = try StateFile(directory: directory.path, name: "ptun0")
            for record in ["table a", "table b", "table c"] { try file.append(record) }
            file.removeLast()
            file.removeLast()
            try file.append("table d")
        }
        #expect(await leftovers() == [["table a", "table d"]])
    }

    @Test("does not believe a line that was cut off")
    func ignoresCutLine() async throws {
        try write(["table a", "sysctl net/x 0 1"])
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try String(text.dropLast()).write(toFile: path, atomically: false, encoding: .utf8)
        #expect(await leftovers() == [["table a"]])
    }

    @Test("is removed unread when it speaks of another boot, or of nothing", arguments: [false, true])
    func ignoresOtherBoot(isEmpty: Bool) async throws {
        try write(["table a"])
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let boot = text.prefix { $0 != "\n" }.split(separator: " ")[2]
        let changed = isEmpty ? "" : text.replacing(boot, with: "00000000-0000-0000-0000-000000000000")
        try changed.write(toFile: path, atomically: false, encoding: .utf8)
        #expect(await leftovers() == [])
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("is nobody's business in another network namespace, where the same name may be in use")
    func belongsToItsNamespace() async throws {
        try write(["table a"])
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        let other = try #require(names.first).replacing(#/\d+\.state/#, with: "1.state")
        try FileManager.default.moveItem(atPath: path, toPath: directory.path + "/" + other)
        #expect(await leftovers() == [])
        let file = try StateFile(directory: directory.path, name: "ptun0")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 2)
        file.remove()
        #expect(path == directory.path + "/" + other)
    }

    @Test("stays for the next attempt when something could not be taken back, and is not overwritten until then")
    func stays() async throws {
        try write(["table a"])
        await StateFile.leftovers(in: directory.path) { _ in false }
        let error = #expect(throws: NetworkSetupError.self) {
            try StateFile(directory: directory.path, name: "ptun0")
        }
        #expect(error?.kind == .stateFile)
        #expect(await leftovers() == [["table a"]])
    }

    @Test("is not written through a symbolic link")
    func refusesLink() throws {
        let file = try StateFile(directory: directory.path, name: "ptun0")
        file.remove()
        let target = directory.path + "/target"
        try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: target)
        let error = #expect(throws: NetworkSetupError.self) {
            try StateFile(directory: directory.path, name: "ptun0")
        }
        #expect(error?.kind == .stateFile)
        #expect(!FileManager.default.fileExists(atPath: target))
    }

    @Test(
        "reads back each kind of change",
        arguments: [
            NetworkChange.set(Sysctl(path: "net/ipv4/conf/eth0.5/forwarding"), from: "0", to: "1"),
            .keep(Sysctl(path: "net/ipv6/conf/lo/forwarding"), at: "0"),
            .makeTable(name: "packet_tunnel_ptun0", rules: ""),
            .addRoute(
                Route(prefix("192.0.2.9/32"), gateway: address("192.0.2.1"), interfaceIndex: 1),
                interface: "lo"
            ),
            .addRoute(Route(prefix("2001:db8::9/128"), interfaceIndex: 1, metric: 7), interface: "lo"),
        ]
    )
    func readsBack(change: NetworkChange) throws {
        let record = try #require(change.record(ownInterface: "ptun0"))
        #expect(NetworkChange(record: record) == change)
    }

    @Test("notes nothing that vanishes with the interface")
    func notesOnlyWhatStays() {
        let changes: [NetworkChange] = [
            .bringUp(interface: "ptun0", mtu: 1500, queueLength: nil),
            .addAddress(InterfaceAddress(address("10.0.0.1"), prefixLength: 8), interface: "ptun0"),
            .addRoute(Route(prefix("0.0.0.0/1"), interfaceIndex: 9), interface: "ptun0"),
            .set(Sysctl(path: "net/ipv4/conf/ptun0/forwarding"), from: "0", to: "1"),
        ]
        #expect(changes.allSatisfy { $0.record(ownInterface: "ptun0") == nil })
    }

    @Test(
        "takes no line that it did not write",
        arguments: [
            "", "sysctl", "sysctl ../../etc/passwd 0 1", "keep net/../../x 1", "table", "table a b",
            "route 192.0.2.9/33 - lo 0", "route 192.0.2.9/32 - no-such-link 0", "remove everything now",
        ]
    )
    func refusesLine(line: String) {
        #expect(NetworkChange(record: line) == nil)
    }
}
