extension DaemonConfiguration {
    /// Keywords of which a running daemon follows a change; for all others it has to be started anew.
    ///
    /// Rules about ports and domains hold for clients that connect after the change, those about networks, ICMP, refusals and
    /// fragments for everybody at once.
    public static let reloadableKeywords: Set<String> = [
        "AuthorizedKeysFile", "StrictModes", "AllowUsers", "DenyUsers", "LogLevel", "PermitTCPPorts", "PermitUDPPorts",
        "DenyDomains", "DenyNetworks", "PermitNetworks", "PermitICMP", "Refuse", "Fragments",
    ]

    /// The keywords whose values differ from those of `other`, in the order of the manual.
    public func changes(from other: DaemonConfiguration) -> [String] {
        KeywordTable.keywords.filter { $0.values(self) != $0.values(other) }.map(\.name)
    }

    /// This configuration, with what a running daemon can follow taken from `other`.
    public func following(_ other: DaemonConfiguration) -> DaemonConfiguration {
        var result = self
        result.authorizedKeysFiles = other.authorizedKeysFiles
        result.strictModes = other.strictModes
        result.allowedUsers = other.allowedUsers
        result.deniedUsers = other.deniedUsers
        result.logLevel = other.logLevel
        result.permittedTCPPorts = other.permittedTCPPorts
        result.permittedUDPPorts = other.permittedUDPPorts
        result.deniedDomains = other.deniedDomains
        result.deniedNetworks = other.deniedNetworks
        result.permittedNetworks = other.permittedNetworks
        result.permittedICMP = other.permittedICMP
        result.refusals = other.refusals
        result.fragments = other.fragments
        return result
    }
}
