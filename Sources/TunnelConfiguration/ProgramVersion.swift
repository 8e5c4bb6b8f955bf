/// The version that all programs of the package report; the newest heading of the change log.
public enum ProgramVersion {
    /// The version, by semantic versioning.
    public static let text = "0.1.0"
}
