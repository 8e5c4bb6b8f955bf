import Foundation
import Glibc

/// A stock `sshd` on loopback, with its own host key, for the user that runs the tests.
final class StockServer {
    let port: UInt16
    let directory: TemporaryDirectory
    let process = Process()
    private let errors = Pipe()

    static let isAvailable = access("/usr/sbin/sshd", X_OK) == 0 && access("/usr/bin/ssh-keygen", X_OK) == 0

    /// The login name that the server knows.
    static let user = NSUserName()

    /// Starts the server and waits until it listens.
    ///
    /// - Parameters:
    ///   - authorizedKeys: the text of the file.
    ///   - settings: further lines of `sshd_config`.
    init(
        in directory: TemporaryDirectory,
        authorizedKeys: String,
        hostKey: String = "host_key",
        port: UInt16? = nil,
        settings: String = ""
    ) throws {
        self.directory = directory
        let port = try port ?? Self.freePort()
        self.port = port
        if geteuid() == 0 { mkdir("/run/sshd", 0o755) }
        let file = try directory.write(authorizedKeys, to: "authorized_keys")
        if access(directory.path + "/" + hostKey, F_OK) != 0 { try makeKey(hostKey, in: directory) }
        let configuration = try directory.write(
            """
            Port \(port)
            ListenAddress 127.0.0.1
            ListenAddress ::1
            HostKey \(directory.path)/\(hostKey)
            AuthorizedKeysFile \(file)
            StrictModes no
            PermitRootLogin yes
            UsePAM no
            PidFile none
            PasswordAuthentication no
            \(settings)
            """,
            to: "sshd_config"
        )
        process.executableURL = URL(fileURLWithPath: "/usr/sbin/sshd")
        process.arguments = ["-D", "-e", "-f", configuration]
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        try waitUntilListening()
    }

    deinit { stop() }

    func stop() {
        guard process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
    }

    private func waitUntilListening() throws {
        var text = ""
        while !text.contains("Server listening on 127.0.0.1") {
            let data = errors.fileHandleForReading.availableData
            guard !data.isEmpty else { throw TestFailure("sshd did not start: \(text)") }
            text += String(decoding: data, as: UTF8.self)
        }
        // What it says from now on must not fill the pipe and hold it up.
        errors.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
    }

    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        guard code == 0 else { throw TestFailure("no free port") }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// Makes a key pair and returns the line of its public half.
@discardableResult
func makeKey(
    _ name: String,
    in directory: TemporaryDirectory,
    type: String = "ed25519",
    passphrase: String = ""
) throws -> String {
    let path = directory.path + "/" + name
    try run("/usr/bin/ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", name, "-f", path])
    return directory.read(name + ".pub")
}

/// Runs a program to its end and returns what it has printed.
@discardableResult
func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw TestFailure("\(program): \(text)") }
    return text
}
