public import OpenSSHSyntax

/// What becomes of IP fragments.
public enum FragmentChoice: String, ConfigurationChoice {
    /// Later fragments follow the first one of their datagram, which is judged like any packet.
    case carry
    /// They are refused.
    case refuse
}
