import Foundation
import SSHTransport

/// A directory with a user key, and a stock server that lets that key in.
struct Scene {
    let directory: TemporaryDirectory
    let server: StockServer

    init(settings: String = "", keyOptions: String = "") throws {
        directory = try TemporaryDirectory()
        let key = try makeKey("user_key", in: directory)
        server = try StockServer(in: directory, authorizedKeys: "\(keyOptions) \(key)", settings: settings)
    }

    var knownHosts: String { directory.path + "/known_hosts" }

    /// What connects to the server, unless `options` say otherwise: of two values for one option the first counts.
    func configuration(_ options: String..., host: String = "127.0.0.1", keys: [String] = ["user_key"]) throws
        -> SSHClientConfiguration
    {
        var configuration = try SSHClientConfiguration(destination: "\(StockServer.user)@\(host)")
        configuration.port = server.port
        configuration.file = .none
        configuration.identityFiles = keys.map { directory.path + "/" + $0 }
        for option in options + [
            "UserKnownHostsFile=\(knownHosts)", "GlobalKnownHostsFile=none", "IdentitiesOnly=yes",
            "StrictHostKeyChecking=accept-new",
        ] {
            try configuration.setOption(option)
        }
        return configuration
    }
}

/// The error that an attempt to connect ends with.
func failure(_ configuration: SSHClientConfiguration, prompts: SSHClientPrompts = .init()) throws
    -> SSHClientError
{
    do throws(SSHClientError) {
        _ = try SSHClient(connecting: configuration, prompts: prompts)
        throw SSHClientError(.usage, "the connection was made")
    } catch {
        return error
    }
}
