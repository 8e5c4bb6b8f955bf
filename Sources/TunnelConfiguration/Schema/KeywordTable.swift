/// All keywords of `packet-tunneld.conf`.
public enum KeywordTable {
    /// One row per keyword, in the order of the manual.
    public static let keywords: [ConfigurationKeyword] = ssh + network + traffic + daemon

    /// The row of a keyword in any case.
    static func row(_ name: String) -> ConfigurationKeyword? {
        rows[name.lowercased()]
    }

    /// Words that may begin a line, for hints.
    static let names = keywords.map(\.name) + ["Include"]

    private static let rows = Dictionary(
        keywords.map { ($0.name.lowercased(), $0) },
        uniquingKeysWith: { first, _ in first }
    )
}
