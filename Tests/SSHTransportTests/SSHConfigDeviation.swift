/// Where this client reads a file otherwise than `ssh`, on purpose. The manual, packet-tunnel(1), has the same list.
enum SSHConfigDeviation {
    /// Why a row differs; nil if it has to be the same.
    static func reason(_ row: SSHConfigRow) -> String? {
        reasons[row.text]
    }

    private static let reasons = [
        "RekeyLimit 1T": "RekeyLimit takes the letters K, M and G",
        "ProxyJump -a": "a jump host that begins with a hyphen is refused",
        "ProxyJump a b": "words behind the hosts of ProxyJump are refused, and not overlooked",
    ]
}
