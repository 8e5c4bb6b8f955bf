/// Where this client reads a file otherwise than `ssh`, on purpose. The manual, packet-tunnel(1), has the same list.
enum SSHConfigDeviation {
    /// Why a row differs; nil if it has to be the same.
    ///
    /// - Parameter expandsUser: whether the installed `ssh` replaces tokens in `User`.
    static func reason(_ row: SSHConfigRow, expandsUser: Bool) -> String? {
        if !expandsUser, sinceUserTokens.contains(row.text) { return "ssh before 10.0 takes User as it is written" }
        return reasons[row.text]
    }

    private static let sinceUserTokens: Set = ["User a%u-%h-%n-%p", "User %r", "User ${HOME}"]

    private static let reasons = [
        "RekeyLimit 1T": "RekeyLimit takes the letters K, M and G",
        "ProxyJump -a": "a jump host that begins with a hyphen is refused",
        "ProxyJump a b": "words behind the hosts of ProxyJump are refused, and not overlooked",
    ]
}
