internal import ArgumentParser
internal import SSHTransport
internal import TunnelConfiguration
internal import TunnelControl

/// The command line of `packet-tunneld`. Parses, reads the configuration, and starts `DaemonProgram`; runs no packet.
struct DaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packet-tunneld",
        abstract: "An SSH server that carries whole IP packets.",
        usage: "packet-tunneld [-f file] [-o keyword=value] [-t|-T|--status|--example]",
        discussion: """
            Runs in the foreground until SIGTERM or SIGINT, and logs to standard error.
            SIGHUP has it read its configuration anew.

            Examples:
              packet-tunneld -t -f FILE        list everything wrong with a file
              packet-tunneld -T -o MTU=1400    show every setting in force
              packet-tunneld --example         begin with this

            Exit status: 0 stopped as told, 64 usage, 69 something is missing,
            77 not permitted, 78 wrong configuration.
            See also packet-tunneld(8) and packet-tunneld.conf(5).
            """,
        version: "packet-tunneld \(ProgramVersion.text), libssh \(SSHLibrary.version)"
    )

    @Option(
        name: .customShort("f", allowingJoined: true),
        help: ArgumentHelp("The configuration file.", valueName: "file")
    )
    var file = DaemonConfiguration.defaultFile

    @Option(
        name: .customShort("o", allowingJoined: true),
        help: ArgumentHelp(
            "A line of configuration that goes before the file's; may repeat.",
            valueName: "keyword=value"
        )
    )
    var options: [String] = []

    @Flag(name: .customShort("t"), help: "Check the configuration, list all problems, and exit.")
    var checksOnly = false

    @Flag(name: .customShort("T"), help: "Check the configuration, print every setting in force, and exit.")
    var printsSettings = false

    @Flag(name: .customLong("status"), help: "Print the sessions of the daemon that runs, and exit.")
    var printsStatus = false

    @Flag(name: .customLong("example"), help: "Print a commented configuration file with every keyword, and exit.")
    var printsExample = false

    func run() async throws {
        if printsExample {
            print(DaemonConfiguration.example, terminator: "")
            return
        }
        let loaded = try load()
        for notice in loaded.notices { StandardError.printLine("packet-tunneld: \(notice)") }
        if checksOnly, loaded.configuration.dnsResolvers.isEmpty {
            let resolvers = SystemResolvers.read()
            let left = resolvers.omission.map { "resolvers left out: \($0)" }
            if let notice = resolvers.problem ?? left { StandardError.printLine("packet-tunneld: \(notice)") }
        }
        if printsSettings { print(loaded.configuration.text, terminator: "") }
        if printsSettings || checksOnly { return }
        if printsStatus { return try printStatus(loaded.configuration) }
        let (file, options) = (file, options)
        let status = await DaemonProgram.run(loaded.configuration) { () throws(ConfigurationProblems) in
            try DaemonConfiguration.load(file, options: options, algorithms: .library)
        }
        throw ExitCode(status.rawValue)
    }

    private func printStatus(_ configuration: DaemonConfiguration) throws {
        guard let path = configuration.controlSocketPath else {
            StandardError.printLine("packet-tunneld: the configuration names no ControlSocket")
            throw ExitCode(ExitStatus.unavailable.rawValue)
        }
        do throws(ControlError) {
            print(try ControlClient(path: path).status(), terminator: "")
        } catch {
            StandardError.printLine("packet-tunneld: \(error)")
            throw ExitCode(
                error.kind == .notPermitted ? ExitStatus.permission.rawValue : ExitStatus.unavailable.rawValue
            )
        }
    }

    private func load() throws -> LoadedConfiguration {
        do throws(ConfigurationProblems) {
            return try DaemonConfiguration.load(file, options: options, algorithms: .library)
        } catch {
            for problem in error.problems { StandardError.printLine("packet-tunneld: \(problem)") }
            throw ExitCode(ExitStatus.configuration.rawValue)
        }
    }
}

@main
enum Program {
    static func main() async {
        StandardStreams.fill()
        await DaemonCommand.main(SSHStyleArguments.separated(CommandLine.arguments.dropFirst()))
    }
}
