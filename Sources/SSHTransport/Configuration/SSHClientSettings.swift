internal import Glibc
internal import OpenSSHSyntax

/// What a connection is made with: command line, configuration files and defaults put together, every token replaced.
///
/// The files are read here alone; the SSH library is given values (`apply`). A plain value.
struct SSHClientSettings {
    let configuration: SSHClientConfiguration
    let values: SSHConfigValues
    private let tokens: SSHTokens

    /// Why files of `-i` do not count.
    let missingIdentities: [String]
    /// The server's own name or address: `HostName`, or the host of the command line, made whole if that is asked for.
    let host: String
    /// The server's port.
    let port: UInt16
    /// The user on the server.
    let user: String

    private static let systemFile = "/etc/ssh/ssh_config"

    /// Reads the configuration files.
    ///
    /// Blocks with `CanonicalizeHostname` while names are looked up.
    ///
    /// - Throws: `SSHClientError` of kind `configuration` with file and line, or `usage` for a `-o`; `unreachable` for a name
    ///   that has to be made whole and cannot.
    init(_ configuration: SSHClientConfiguration) throws(SSHClientError) {
        self.configuration = configuration
        var values = SSHConfigValues()
        if let port = configuration.port { values.set("port", .init(words: ["\(port)"], location: "-p")) }
        var missing: [String] = []
        for file in configuration.identityFiles {
            // As with ssh: one that is not there is as if it had not been named.
            if access(try Self.expandTilde(file, at: "-i"), F_OK) == 0 {
                values.set("identityfile", .init(words: [file], location: "-i"))
            } else {
                missing.append("\(file): \(String(cString: strerror(errno)))")
            }
        }
        missingIdentities = missing
        for option in configuration.options { values.set(option.name, .init(words: option.words, location: "-o")) }
        if let user = configuration.user { values.set("user", .init(words: [user], location: Self.commandLine)) }

        let first = SSHConfigReader(target: .init(alias: configuration.host), values: values)
        let (read, wantsFinalPass) = try Self.read(first, configuration.file)
        values = read
        let canonical = CanonicalHost(configuration, values)
        let host = try canonical.name(Self.hostName(configuration.host, values))
        if wantsFinalPass || canonical.isWanted {
            let second = SSHConfigReader(target: .init(alias: configuration.host, finalHost: host), values: values)
            values = try Self.read(second, configuration.file).values
        }
        self.values = values
        self.host = host
        port = values["port"].flatMap { UInt16($0.text) } ?? 22
        user = try Self.userName(
            values["user"],
            SSHClientTokens(alias: configuration.host, host: host, values: values).tokens
        )
        tokens = SSHClientTokens(alias: configuration.host, host: host, user: user, values: values).tokens
        try check()
    }

    private static func read(
        _ reader: SSHConfigReader,
        _ file: SSHClientConfiguration.File
    ) throws(SSHClientError) -> (values: SSHConfigValues, wantsFinalPass: Bool) {
        var reader = reader
        let directory = LocalUser.homeDirectory + "/.ssh/"
        switch file {
        case .standard:
            try reader.read(directory + "config", .init(base: directory, isPrivate: true, isRequired: false))
            try reader.read(systemFile, .init(base: "/etc/ssh/", isPrivate: false, isRequired: false))
        case .none: break
        case .path(let path):
            let path = try expandTilde(path, at: "-F")
            try reader.read(path, .init(base: directory, isPrivate: false, isRequired: true))
        }
        return (reader.values, reader.wantsFinalPass)
    }

    private static func hostName(_ alias: String, _ values: SSHConfigValues) throws(SSHClientError) -> String {
        guard let name = values["hostname"] else { return alias }
        do throws(ValueProblem) {
            return try SSHTokens { $0 == "h" ? alias : nil }.expand(name.text, ["%", "h"])
        } catch {
            throw SSHClientError(.configuration, "\(name.location): HostName: \(error)")
        }
    }

    /// As `ssh` from 10.0 on has it: tokens and variables count in `User`, and not in what stands before the host's name.
    private static func userName(_ value: SSHConfigValues.Value?, _ tokens: SSHTokens) throws(SSHClientError) -> String
    {
        guard let value else { return LocalUser.name }
        guard value.location != commandLine else { return value.text }
        do throws(ValueProblem) {
            return try tokens.expand(value.text, SSHTokens.user, environment: variable)
        } catch {
            throw SSHClientError(.configuration, "\(value.location): User \(value.text): \(error)")
        }
    }

    private static let commandLine = "the command line"

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Finds what cannot be done before anything is connected, with file and line.
    private func check() throws(SSHClientError) {
        for option in ["userknownhostsfile", "globalknownhostsfile", "revokedhostkeys"] { _ = try paths(option) }
        for file in values.identityFiles + values.certificateFiles { _ = try path(file.text, at: file.location) }
        _ = try agentSocket()
        _ = try proxyCommand()
        if let refusal = values["refuseconnection"] {
            throw SSHClientError(.usage, "\(refusal.location): RefuseConnection: \(refusal.text)")
        }
        if let value = values["pubkeyauthentication"], SSHConfigSyntax.flag(value.text) == false {
            throw SSHClientError(
                .configuration,
                "\(value.location): PubkeyAuthentication no: nothing but a public key logs in here"
            )
        }
        if let value = values["preferredauthentications"],
            !value.text.lowercased().parts(at: ",").contains("publickey")
        {
            throw SSHClientError(
                .configuration,
                "\(value.location): PreferredAuthentications has no publickey, and nothing else logs in here"
            )
        }
    }

    // MARK: Paths

    /// The paths of a keyword, expanded; empty for `none`, nil if there is no value.
    func paths(_ keyword: String) throws(SSHClientError) -> [String]? {
        guard let value = values[keyword] else { return nil }
        guard value.text.lowercased() != "none" else { return [] }
        var paths: [String] = []
        for word in value.words { paths.append(try path(word, at: value.location)) }
        return paths
    }

    /// A path with its tilde, tokens and variables replaced.
    func path(_ path: String, at location: String) throws(SSHClientError) -> String {
        let path = try Self.expandTilde(path, at: location)
        return try expand(path, SSHTokens.common, environment: true, at: location)
    }

    private static func expandTilde(_ path: String, at location: String) throws(SSHClientError) -> String {
        do throws(ValueProblem) {
            return try SSHTokens.expandTilde(path, home: LocalUser.home)
        } catch {
            throw SSHClientError(.configuration, "\(location): \(path): \(error)")
        }
    }

    /// A text with its tokens replaced, and its variables if they count there.
    func expand(
        _ text: String,
        _ allowed: Set<Character>,
        environment: Bool,
        at location: String
    ) throws(SSHClientError) -> String {
        do throws(ValueProblem) {
            let variable: (String) -> String? = Self.variable
            return try tokens.expand(text, allowed, environment: environment ? variable : nil)
        } catch {
            throw SSHClientError(.configuration, "\(location): \(text): \(error)")
        }
    }
}
