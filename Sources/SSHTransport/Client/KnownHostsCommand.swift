internal import OpenSSHSyntax

/// The program of `KnownHostsCommand`, which says lines of a `known_hosts` file.
struct KnownHostsCommand {
    /// Why it is asked.
    enum Reason: String {
        /// Before the connection: which types of keys are known.
        case order = "ORDER"
        /// About the key that the server has shown, by name.
        case hostName = "HOSTNAME"
        /// The same by address, with `CheckHostIP yes`.
        case address = "ADDRESS"
    }

    private let settings: SSHClientSettings
    private let command: SSHConfigValues.Value
    private static let timeout: Int32 = 60_000

    /// Nil if there is none.
    init?(_ settings: SSHClientSettings) {
        guard let command = settings.values["knownhostscommand"], command.text.lowercased() != "none" else {
            return nil
        }
        self.settings = settings
        self.command = command
    }

    /// Runs the program.
    ///
    /// - Returns: what it says; empty if it fails, as `ssh` takes it.
    /// - Throws: `SSHClientError` of kind `configuration` if the command cannot be understood.
    func run(_ reason: Reason, name: String, key: SSHPublicKey?) throws(SSHClientError) -> String {
        let special: [Unicode.Scalar: String] = [
            "H": name, "I": reason.rawValue, "t": key?.type ?? "NONE", "f": key?.fingerprint ?? "NONE",
            "K": key.map { Base64.encode($0.blob) } ?? "NONE",
        ]
        var arguments: [String] = []
        for word in try words() {
            // Ours first: a percent sign in what they stand for is not one of the others.
            var text = ""
            var rest = word.unicodeScalars[...]
            while let character = rest.popFirst() {
                if character == "%", let token = rest.first, let value = special[token] {
                    rest.removeFirst()
                    text += value.parts(at: "%").joined(separator: "%%")
                } else {
                    text.unicodeScalars.append(character)
                    if character == "%", let token = rest.popFirst() { text.unicodeScalars.append(token) }
                }
            }
            arguments.append(try settings.expand(text, SSHTokens.common, environment: true, at: command.location))
        }
        guard arguments[0].begins(with: "/") else {
            throw SSHClientError(
                .configuration,
                "\(command.location): KnownHostsCommand: give the program's whole path"
            )
        }
        guard let (status, output) = ShellCommand.run(arguments, timeout: Self.timeout), status == 0 else { return "" }
        return String(decoding: output, as: UTF8.self)
    }

    private func words() throws(SSHClientError) -> [String] {
        do throws(ValueProblem) {
            // The command is cut like the words of any other line.
            if let line = try SSHConfigLine("KnownHostsCommand \(command.text)"), !line.words.isEmpty {
                return line.words
            }
        } catch {
            throw SSHClientError(.configuration, "\(command.location): KnownHostsCommand: \(error)")
        }
        throw SSHClientError(.configuration, "\(command.location): KnownHostsCommand: a program is missing")
    }
}
