internal import ArgumentParser
internal import EventLoops
internal import Glibc

/// `pipe`: a connection as standard input and output, such as a ProxyCommand makes.
struct PipeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipe",
        abstract: "Connects, and passes on standard input there and what comes back to standard output."
    )

    @Argument(help: "An address or a name.")
    var host: String

    @Argument
    var port: UInt16

    func run() throws {
        let peer = try connected()
        DetachedThread.run {
            var piece = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(STDIN_FILENO, &piece, piece.count), count > 0 {
                guard (try? peer.send(Array(piece[..<count]))) != nil else { return }
            }
            try? peer.endSending()
        }
        while let piece = try? peer.receive(), !piece.isEmpty { Output.bytes(piece) }
    }

    /// Tries each address of the host.
    private func connected() throws -> Socket {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { throw ValidationError("\(host): \(String(cString: gai_strerror(code)))") }
        defer { freeaddrinfo(list) }
        for entry in sequence(first: list, next: { $0?.pointee.ai_next }) {
            guard let entry = entry?.pointee else { break }
            let peer = Socket(owning: socket(entry.ai_family, entry.ai_socktype, entry.ai_protocol))
            if connect(peer.descriptor, entry.ai_addr, entry.ai_addrlen) == 0 { return peer }
        }
        throw SystemFailure(call: "connect to \(host) port \(port)", code: errno)
    }
}
