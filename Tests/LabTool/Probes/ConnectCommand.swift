internal import ArgumentParser
internal import Glibc

/// `connect`: what becomes of a TCP connection.
struct ConnectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Prints \"open\", \"refused\", \"unreachable\", or \"silent\" after two seconds."
    )

    @OptionGroup
    var place: EndpointArguments

    func run() throws { Output.line(try outcome()) }

    private func outcome() throws -> String {
        do {
            _ = try Socket.connected(SOCK_STREAM, to: place.endpoint, timeout: 2)
            return "open"
        } catch let failure as SystemFailure {
            switch failure.code {
            case ECONNREFUSED: return "refused"
            // What connect(2) says when SO_SNDTIMEO is over.
            case EINPROGRESS, ETIMEDOUT: return "silent"
            case ENETUNREACH, EHOSTUNREACH: return "unreachable"
            default: throw failure
            }
        }
    }
}
