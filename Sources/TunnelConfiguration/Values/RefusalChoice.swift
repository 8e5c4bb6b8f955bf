public import OpenSSHSyntax

/// What the sender of a refused packet is told.
public enum RefusalChoice: String, ConfigurationChoice {
    /// A reset over TCP, "administratively prohibited" otherwise.
    case reject
    /// Nothing.
    case drop
}
