public import OpenSSHSyntax

/// The form of log lines.
public enum LogFormat: String, ConfigurationChoice {
    /// For people: a sentence, then `name=value` pairs.
    case text
    /// For programs: one JSON object per line.
    case json
}
