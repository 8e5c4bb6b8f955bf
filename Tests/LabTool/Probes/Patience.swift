internal import ArgumentParser
internal import Glibc

/// The word `--wait` of a command line, and what is waited for.
struct Patience: ParsableArguments {
    /// A refused packet gets no answer at all; a permitted one gets it at once, but the machine may be busy.
    @Option(help: "Seconds to wait for an answer.")
    var wait = 5.0

    /// Ends the program with a failure unless the same bytes come back.
    func echo(of size: Int, by type: __socket_type, from place: Endpoint) throws {
        let message = RandomBytes.make(size)
        let peer = try Socket.connected(type, to: place, timeout: wait)
        try peer.send(message)
        guard try peer.receive() == message else { throw ExitCode.failure }
    }
}
