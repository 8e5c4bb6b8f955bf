import Foundation
import Glibc
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

/// Listens on loopback, and either never answers, or says one thing and closes.
final class RawListener {
    let port: UInt16
    private let descriptor: Int32

    /// - Parameter reply: sent to the first client before its connection is closed; nil: nobody is ever accepted.
    init(reply: String?) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 4) == 0
                    ? getsockname(descriptor, address, &length) : -1
            }
        }
        guard code == 0 else { throw TestFailure("cannot listen") }
        port = UInt16(bigEndian: address.sin_port)
        guard let reply else { return }
        Thread.detachNewThread {
            let client = accept(descriptor, nil, nil)
            // The client's greeting first: closing with unread bytes would be a reset.
            var greeting = [UInt8](repeating: 0, count: 256)
            _ = read(client, &greeting, greeting.count)
            _ = write(client, reply, reply.utf8.count)
            close(client)
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }
}
