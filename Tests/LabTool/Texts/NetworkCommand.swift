internal import ArgumentParser
internal import IPPacket

/// `network`: the network that an address with a length lies in.
struct NetworkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network",
        abstract: "Prints the network of ADDRESS/LENGTH."
    )

    @Argument
    var address: String

    func run() throws {
        let words = address.split(separator: "/")
        guard words.count == 2, let address = IPAddress(words[0]), let length = Int(words[1]),
            (0...(address.isIPv4 ? 32 : 128)).contains(length)
        else { throw ValidationError("\(self.address) is not ADDRESS/LENGTH") }
        Output.line(IPPrefix(address, length: length).description)
    }
}
