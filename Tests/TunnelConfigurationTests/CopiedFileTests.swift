import Foundation
import Testing

@testable import TunnelConfiguration

@Suite struct CopiedFileTests {
    @Test("the example configuration is what the program prints, and parses")
    func exampleIsCurrent() throws {
        let text = try Package.text("ssh-config/packet-tunneld.conf")
        #expect(
            text == DaemonConfiguration.example,
            "write it anew: packet-tunneld --example > ssh-config/packet-tunneld.conf"
        )
        #expect(Outcome(text).configuration == DaemonConfiguration())
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 120 || !$0.hasPrefix("# ") })
    }

    @Test("the example with all its settings switched on parses, and shows every default")
    func exampleSettings() throws {
        let lines = try Package.text("ssh-config/packet-tunneld.conf").split(separator: "\n")
        let settings = lines.filter { $0.hasPrefix("#") && !$0.hasPrefix("# ") }.map { String($0.dropFirst()) }
        let outcome = Outcome(settings.joined(separator: "\n"))
        #expect(outcome.problems == [])
        var expected = try #require(outcome.configuration)
        expected.listenAddresses = []
        expected.allowedUsers = []
        expected.deniedUsers = []
        expected.penaltyExemptions = []
        expected.dnsResolvers = []
        expected.deniedDomains = []
        #expect(expected == DaemonConfiguration())
        for name in KeywordTable.names {
            #expect(settings.count { $0.hasPrefix("\(name) ") } == 1, "\(name)")
        }
    }

    @Test(
        "the manual documents every keyword with its arguments and default",
        arguments: KeywordTable.keywords.map(\.name)
    )
    func manual(name: String) throws {
        let row = try #require(KeywordTable.row(name))
        let page = try Package.text("ssh-config/man/packet-tunneld.conf.5").replacingOccurrences(of: "\\(ha", with: "^")
            .replacingOccurrences(of: "\\:", with: "")
        let entry = try #require(page.components(separatedBy: "\n.It Cm ").first { $0.hasPrefix("\(row.name) ") })
        #expect(entry.hasPrefix("\(row.name) Ar \(row.synopsis)\n"))
        #expect((entry + "\n").contains("\n.br\nDefault: \(row.defaultText)\n"))
        #expect(page.components(separatedBy: "\n.It Cm ").count == KeywordTable.names.count + 1)
    }

    @Test(
        "each option of a program is in its manual",
        arguments: [("packet-tunneld", "8", []), ("packet-tunnel", "1", ["up"]), ("packet-tunnel-subsystem", "8", [])]
            as [(String, String, [String])]
    )
    func manualOptions(program: String, section: String, subcommand: [String]) throws {
        let page = try Package.text("ssh-config/man/\(program).\(section)")
        let help = try Command([try Package.product(program)] + subcommand + ["--help"])
        #expect(help.status == 0)
        let options = help.output.split(separator: "\n").compactMap {
            $0.firstMatch(of: /^  (?:-\w, )?-(-?\w[\w-]*)/)?.1
        }
        #expect(options.count > 4)
        for option in options where option != "-help" { #expect(page.contains("\n.It Fl \(option)"), "\(option)") }
    }

    @Test("each manual page can be set without a complaint", .enabled(if: Command.exists("groff")))
    func manualSyntax() throws {
        for page in ["packet-tunneld.8", "packet-tunneld.conf.5", "packet-tunnel-subsystem.8", "packet-tunnel.1"] {
            let result = try Command([
                "groff", "-mdoc", "-Tascii", "-wmac", "-z", "\(Package.root)/ssh-config/man/\(page)",
            ])
            #expect(result.errors == "", "\(page)")
        }
    }

    @Test("the example of authorized keys is valid for stock OpenSSH", .enabled(if: Command.exists("ssh-keygen")))
    func authorizedKeys() throws {
        let path = "\(Package.root)/ssh-config/authorized_keys.example"
        let keys = try Command(["ssh-keygen", "-l", "-f", path])
        #expect(keys.status == 0)
        let lines = try Package.text("ssh-config/authorized_keys.example").split(separator: "\n").filter {
            !$0.hasPrefix("#")
        }
        #expect(keys.output.split(separator: "\n").count == lines.count)
        #expect(lines.count == 4)
    }

    @Test(
        "the client's snippet makes a tunnel host and leaves every other host alone",
        .enabled(if: Command.exists("ssh"))
    )
    func sshConfiguration() throws {
        let directory = try TemporaryDirectory()
        let stock = (try? String(contentsOfFile: "/etc/ssh/ssh_config", encoding: .utf8)) ?? ""
        let plain = try directory.file("plain", stock)
        let snippet = "\(Package.root)/ssh-config/ssh_config.d/50-packet-tunnel.conf"
        let extended = try directory.file("extended", "Include \(snippet)\n\(stock)")
        let other = try Command(["ssh", "-G", "-F", plain, "other.example"])
        #expect(other.status == 0)
        #expect(try Command(["ssh", "-G", "-F", extended, "other.example"]).output == other.output)
        let tunnel = try Command(["ssh", "-G", "-F", extended, "packet-tunnel"])
        #expect(tunnel.status == 0)
        for line in [
            "tunnel point-to-point", "tunneldevice any:any", "exitonforwardfailure yes", "serveraliveinterval 15",
            "port 2222",
            "compression no",
        ] { #expect(tunnel.output.contains("\n\(line)\n"), "\(line)") }
    }

    @Test("the units are understood by systemd", .enabled(if: Command.exists("systemd-analyze")))
    func units() throws {
        for unit in ["packet-tunneld.service", "packet-tunnel@.service"] {
            let result = try Command([
                "systemd-analyze", "verify", "--man=no", "\(Package.root)/ssh-config/systemd/\(unit)",
            ])
            // That the programs are not installed on the machine of the tests is no fault of the unit.
            let complaints = result.errors.split(separator: "\n").filter {
                !$0.contains("/usr/local/bin/packet-tunnel")
            }
            #expect(complaints == [], "\(unit)")
        }
    }
}

@Suite(.enabled(if: Command.exists("unshare") && FileManager.default.fileExists(atPath: "/usr/sbin/sshd")))
struct SSHDSnippetTests {
    private static let snippet = "ssh-config/sshd_config.d/50-packet-tunnel.conf"

    @Test("a stock sshd accepts its snippet, as it is and with each commented block switched on")
    func accepts() throws {
        let text = try Package.text(Self.snippet)
        // Commented settings have no blank or an indentation behind the comment sign, remarks have one blank.
        let switchedOn = text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix("#    ") || $0.hasPrefix("#") && !$0.hasPrefix("# ") ? $0.dropFirst() : $0 }
            .joined(separator: "\n")
        #expect(switchedOn.contains("\nMatch Group packet-tunnel\n    ForceCommand "))
        for variant in [text, switchedOn] {
            let check = try check(variant, flags: "-t")
            #expect(check.errors == "")
            #expect(check.status == 0)
        }
    }

    @Test("the snippet adds its subsystems and one variable to a stock sshd and changes nothing else")
    func changesNothingElse() throws {
        // Keywords are printed in lower case by some versions, as in the manual by others.
        func settings(_ snippet: String) throws -> [String] {
            try check(snippet, flags: "-T").output.split(separator: "\n").map {
                $0.prefix { $0 != " " }.lowercased() + $0.drop { $0 != " " }
            }
        }
        let with = try settings(try Package.text(Self.snippet))
        let without = try settings("")
        #expect(!without.isEmpty)
        let added = with.filter { !without.contains($0) && !$0.hasPrefix("hostkey ") }
        let program = "/usr/local/bin/packet-tunnel-subsystem"
        #expect(
            Set(added) == [
                "subsystem packet-tunnel \(program)", "subsystem packet-tunnel-gso \(program) --framing gso",
                "acceptenv PACKET_TUNNEL_SESSION",
            ]
        )
        #expect(without.allSatisfy { with.contains($0) || $0.hasPrefix("hostkey ") })
    }

    /// Lets sshd check this host's configuration with a snippet in front, in a mount namespace where its empty directory
    /// under /run exists.
    private func check(_ snippet: String, flags: String) throws -> Command {
        let directory = try TemporaryDirectory()
        let stock = (try? String(contentsOfFile: "/etc/ssh/sshd_config", encoding: .utf8)) ?? ""
        let included = try directory.file("snippet", snippet)
        let file = try directory.file("sshd_config", "Include \(included)\n\(stock)")
        let key = "\(directory.path)/key"
        #expect(try Command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]).status == 0)
        let script =
            "mount -t tmpfs none /run && mkdir -p /run/sshd && exec /usr/sbin/sshd \(flags) -f \(file) -h \(key)"
        return try Command(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script])
    }
}
