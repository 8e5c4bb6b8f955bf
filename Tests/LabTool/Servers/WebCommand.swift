internal import ArgumentParser
internal import EventLoops
internal import Glibc
internal import IPPacket

/// `web`: the lab's web server, fast enough to measure a tunnel and honest enough to prove one.
struct WebCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "web",
        abstract: "Serves a file's bytes by HTTP on every address; prints \"listening\".",
        discussion: """
            GET /            a line that names the caller's address
            GET /blob/BYTES  that many bytes: the file, repeated
            PUT /            takes a body and answers its length and SHA-256
            """
    )

    @Argument(help: "The file.")
    var file: String

    @Argument
    var port: UInt16 = 80

    func run() throws {
        let blob = try Blob(path: file)
        // The socket of IPv6 has both families.
        let listener = try Socket.bound(SOCK_STREAM, to: Endpoint(IPAddress(bits: 0), port: port))
        signal(SIGPIPE, SIG_IGN)
        Output.line("listening on port \(port)")
        while true {
            guard let peer = try? listener.accept() else { continue }
            DetachedThread.run {
                var connection = WebConnection(peer, blob: blob)
                // A caller that goes away in the middle is what some tests are about.
                try? connection.serve()
            }
        }
    }
}
