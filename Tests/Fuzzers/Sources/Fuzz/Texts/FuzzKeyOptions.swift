import IPPacket

@testable import SSHTransport

/// Any text as the options before a key: what is accepted is written down again, and read back to the same restrictions.
func fuzzKeyOptions(_ input: Input) -> Int32 {
    var input = input
    let text = input.text()
    guard let restrictions = try? AuthorizedKeysOptions.restrictions(parsing: text[...]) else { return 0 }
    check(!(restrictions.maximumSessions == 0), "a key has a session, or no line")
    check(restrictions.tunnelUnit.map { $0 < 0x7fff_fffe } ?? true, "a unit of no other meaning")
    let written = optionText(restrictions)
    let again = try? AuthorizedKeysOptions.restrictions(parsing: written[...])
    check(again == restrictions, "\(written.debugDescription) says the same as \(text.debugDescription)")
    for address in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "fe80::1%eth0", "nobody"] {
        let isPermitted = restrictions.permitsSource(address)
        check(isPermitted == again?.permitsSource(address), "the same sources")
        let hasAddress = address != "nobody"
        check(hasAddress || restrictions.sourcePatterns.isEmpty || !isPermitted, "who has no address stays out")
    }
    return 0
}

/// The restrictions as options of a line.
private func optionText(_ restrictions: TunnelRestrictions) -> String {
    var options = [restrictions.permitsTunnel ? "port-forwarding" : "restrict"]
    func add(_ name: String, _ value: String?) {
        if let value { options.append("\(name)=\"\(value.replacing("\"", with: "\\\""))\"") }
    }
    func list(_ texts: [String]) -> String? { texts.isEmpty ? nil : texts.joined(separator: ",") }
    add("from", list(restrictions.sourcePatterns))
    add("tunnel", restrictions.tunnelUnit.map { "\($0)" })
    add("expiry-time", restrictions.expiry.map(expiryText))
    add("permit-ports", restrictions.permittedPorts?.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ","))
    add("deny-networks", list(restrictions.deniedNetworks.map { "\($0)" }))
    add("deny-domains", list(restrictions.deniedDomains))
    add("rate", restrictions.rateBytesPerSecond.map { "\($0)" })
    add("sessions", restrictions.maximumSessions.map { "\($0)" })
    return options.joined(separator: ",")
}

/// A time of seconds since 1970 as `YYYYMMDDHHMMSSZ` (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
private func expiryText(_ time: Int64) -> String {
    let day = (time >= 0 ? time : time - 86_399) / 86_400
    let second = time - day * 86_400
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let fields = [month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1, second / 3_600, second / 60 % 60, second % 60]
    func digits(_ number: Int64, _ count: Int) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    return digits(year, 4) + fields.map { digits($0, 2) }.joined() + "Z"
}
