public import ArgumentParser
public import IPPacket

extension IPAddress: ExpressibleByArgument {
    /// The address that a word of a command line writes.
    public init?(argument: String) {
        self.init(argument)
    }
}
