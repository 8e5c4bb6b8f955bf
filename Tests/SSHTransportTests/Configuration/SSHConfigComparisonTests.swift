import Foundation
import Glibc
import OpenSSHSyntax
import Testing

@testable import SSHTransport

/// Runs the real `ssh -G` and our own reader on the same files, and holds the answers side by side.
@Suite("Configuration as ssh reads it")
struct SSHConfigComparisonTests {
    private static let ssh = "/usr/bin/ssh"

    @Test("There are at least 150 rows to compare")
    func count() {
        #expect(SSHConfigRow.all.count >= 150)
    }

    @Test(
        "ssh and this client read the same out of a file",
        .enabled(if: access(ssh, X_OK) == 0),
        arguments: SSHConfigRow.all
    )
    func comparison(row: SSHConfigRow) throws {
        let (theirs, ours) = try answers(row)
        if let reason = SSHConfigDeviation.reason(row, expandsUser: try Self.expandsUser.get()) {
            #expect(theirs != ours, "\(reason): no more a difference")
        } else {
            #expect(theirs == ours)
        }
    }

    private func answers(_ row: SSHConfigRow) throws -> (theirs: [String: String]?, ours: [String: String]?) {
        let directory = try Self.scene()
        let text = Self.filled(row.text, directory)
        let file = try directory.write(text + "\n", to: "config")
        let arguments = row.arguments.map { Self.filled($0, directory) }
        let all = try? run(Self.ssh, ["-G", "-F", file] + arguments)
        // Commands of the file must not run twice into the same directory.
        unlink(directory.path + "/ran")
        let ours = try? Self.settings(arguments, file: file).summary
        unlink(directory.path + "/ran")
        let base = try Self.base.get()
        let theirs = all.map { Self.values($0).filter { base[$0.key] != $0.value || Self.always.contains($0.key) } }
        return (theirs.map { Self.comparable($0, base) }, ours.map { Self.comparable($0, base) })
    }

    /// What ssh has where nobody says anything: asked for once.
    private static let base = Result { values(try run(ssh, ["-G", "-F", "none", "vpn"])) }
    private static let expandsUser = Result {
        values(try run(ssh, ["-G", "-F", "none", "-o", "User=%u", "vpn"]))["user"] != "%u"
    }
    private static let always: Set = ["hostname", "port", "user"]

    /// What one side says and the other has for its default anyway is no difference; nor are defaults that hang together.
    private static func comparable(_ values: [String: String], _ base: [String: String]) -> [String: String] {
        values.filter { name, value in
            guard SSHClientSettings.summarized.contains(name) else { return false }
            // Debian asks for a sign of life in batch mode.
            if name == "serveraliveinterval", value == "300", values["batchmode"] == "yes" { return false }
            return always.contains(name) || base[name] != value
        }
    }

    private static func values(_ output: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard words.count == 2 else { continue }
            values[words[0]] = values[words[0]].map { "\($0)\n\(words[1])" } ?? words[1]
        }
        return values
    }

    private static func settings(_ arguments: [String], file: String) throws -> SSHClientSettings {
        var configuration = try SSHClientConfiguration(destination: arguments.last ?? "")
        configuration.file = .path(file)
        for (option, value) in zip(arguments, arguments.dropFirst()) {
            switch option {
            case "-p": configuration.port = UInt16(value)
            case "-i": configuration.identityFiles.append(value)
            case "-o": try configuration.setOption(value)
            default: break
            }
        }
        return try SSHClientSettings(configuration)
    }

    // MARK: Files

    private static func filled(_ text: String, _ directory: TemporaryDirectory) -> String {
        text.replacing("DIR", with: directory.path).replacing("LOCALUID", with: "\(LocalUser.name)\(getuid())")
            .replacing("LOCAL", with: LocalUser.name).replacing("= HOME", with: "= \(LocalUser.homeDirectory)")
    }

    private static func scene() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let files = [
            "port": "Port 7\n", "user": "User u\n", "host": "Host vpn\n Port 7\n", "a.conf": "Port 7\n",
            "bad": "Hots x\n",
            "b.conf": "Port 8\nUser b\n", "with blank": "Port 7\n", "final": "Match final\n Port 7\n",
        ]
        for (name, text) in files { _ = try directory.write(text, to: name) }
        _ = try directory.write("Include \(directory.path)/loop\n", to: "loop")
        return directory
    }
}

extension SSHClientSettings {
    /// The keywords whose values are compared.
    static let summarized: Set<String> = [
        "addressfamily", "batchmode", "bindaddress", "bindinterface", "canonicaldomains", "canonicalizefallbacklocal",
        "canonicalizehostname", "canonicalizemaxdots", "certificatefile", "checkhostip", "compression",
        "connecttimeout", "globalknownhostsfile", "hashknownhosts", "hostkeyalias", "hostname", "identitiesonly",
        "identityagent", "identityfile", "knownhostscommand", "loglevel", "nohostauthenticationforlocalhost", "port",
        "preferredauthentications", "proxycommand", "proxyjump", "pubkeyauthentication", "rekeylimit",
        "requiredrsasize", "revokedhostkeys", "serveralivecountmax", "serveraliveinterval", "stricthostkeychecking",
        "user", "userknownhostsfile",
    ]

    /// The values that were given, as `ssh -G` prints them.
    var summary: [String: String] {
        var summary = ["hostname": host, "port": "\(port)", "user": user]
        for name in Self.summarized where summary[name] == nil {
            guard let text = text(name) else { continue }
            summary[name] = printed(name, text)
        }
        if !values.identityFiles.isEmpty {
            summary["identityfile"] = values.identityFiles.map(\.text).joined(separator: "\n")
        }
        if !values.certificateFiles.isEmpty {
            summary["certificatefile"] = values.certificateFiles.map(\.text).joined(separator: "\n")
        }
        return summary
    }

    private func printed(_ name: String, _ text: String) -> String? {
        let isFlag = SSHConfigSyntax.flag(text)
        switch name {
        case "canonicalizehostname": return isFlag.map { "\($0)" } ?? text.lowercased()
        case "canonicaldomains":
            let domains = values[name].flatMap { try? CanonicalDomains($0.words) }?.domains ?? []
            return domains.isEmpty ? "none" : domains.joined(separator: " ")
        case "stricthostkeychecking": return isFlag.map { "\($0)" } ?? (text.lowercased() == "off" ? "false" : text)
        case "pubkeyauthentication": return isFlag.map { "\($0)" } ?? text
        case "addressfamily": return text.lowercased()
        case "loglevel": return text.uppercased()
        case "hostkeyalias": return hostKeyAlias
        case "connecttimeout", "serveraliveinterval":
            return text == "none" ? nil : (try? TimeSpan.parse(text)).map { "\($0.components.seconds)" }
        case "rekeylimit":
            let limit = values["rekeylimit"].flatMap { try? SSHConfigRekeyLimit($0.words) }
            return "\(limit?.bytes ?? 0) \(limit?.seconds ?? 0)"
        case "proxyjump":
            return text.lowercased() == "none" ? nil : JumpHosts(jumpHosts).description
        case "proxycommand", "knownhostscommand", "revokedhostkeys": return text.lowercased() == "none" ? nil : text
        case "userknownhostsfile", "globalknownhostsfile":
            return text.lowercased() == "none" ? "none" : (try? paths(name))?.joined(separator: " ")
        case "identityagent":
            let isPath = text != "none" && text != "SSH_AUTH_SOCK" && (!text.hasPrefix("$") || text.hasPrefix("${"))
            return isPath ? try? path(text, at: "") : text
        default: return isFlag.map { $0 ? "yes" : "no" } ?? text
        }
    }
}
