internal import Glibc
internal import IPPacket
internal import OpenSSHSyntax

/// The values of our own options, each read by the parser that the daemon's configuration uses for the same kind.
enum AuthorizedKeysValues {
    /// `80,443,8000-8010`. A colon separates as well, because a comma outside quotes ends the option.
    static func ports(_ text: String) throws(ValueProblem) -> [ClosedRange<UInt16>] {
        var ranges: [ClosedRange<UInt16>] = []
        for item in text.parts(at: ",", ":") {
            ranges.append(try PortSet.range(item))
        }
        return ranges
    }

    static func networks(_ text: String) throws(ValueProblem) -> [IPPrefix] {
        var networks: [IPPrefix] = []
        for item in text.parts(at: ",") {
            networks.append(try PrefixText.parse(String(item)))
        }
        return networks
    }

    static func domains(_ text: String) throws(ValueProblem) -> [String] {
        var domains: [String] = []
        for item in text.parts(at: ",") {
            // `*.example.com` and `.example.com` say what `example.com` means anyway.
            let name = item.rest(after: "*.") ?? item.rest(after: ".") ?? item
            domains.append(try DomainName(parsing: String(name)).description)
        }
        return domains
    }

    /// Bytes per second; K, M and G multiply by 1024, as in sshd's sizes.
    static func rate(_ text: String) throws(ValueProblem) -> UInt64 {
        let rate = try ByteCount.parse(text)
        guard rate > 0, rate <= UInt64(Int64.max) else { throw ValueProblem("a rate is at least 1 byte per second") }
        return rate
    }

    static func sessions(_ text: String) throws(ValueProblem) -> Int {
        guard let number = wholeNumber(text, as: Int.self), number > 0 else {
            throw ValueProblem("the number of sessions is at least 1")
        }
        return number
    }
}

/// `expiry-time=`: a date, or a time to the minute or second; local time, or UTC with a `Z` behind (sshd(8)).
enum AuthorizedKeysTime {
    /// Seconds since 1970 in UTC; nil if the text is no such time.
    static func parse(_ text: String) -> Int64? {
        let utc = text.rest(before: "Z") ?? text.rest(before: "z")
        let isUTC = utc != nil
        let digits = utc ?? text[...]
        guard [8, 12, 14].contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        func field(_ offset: Int, _ length: Int) -> Int32 {
            Int32(digits.dropFirst(offset).prefix(length)) ?? 0
        }
        var time = tm()
        time.tm_year = field(0, 4) - 1900
        time.tm_mon = field(4, 2) - 1
        time.tm_mday = field(6, 2)
        time.tm_hour = field(8, 2)
        time.tm_min = field(10, 2)
        time.tm_sec = field(12, 2)
        time.tm_isdst = -1
        let asked = time
        let seconds = isUTC ? timegm(&time) : mktime(&time)
        // mktime and timegm turn February 30th into March 2nd; a date that changes is refused as a typing error.
        let isKept = (time.tm_year, time.tm_mon, time.tm_mday) == (asked.tm_year, asked.tm_mon, asked.tm_mday)
        let isClock = asked.tm_hour < 24 && asked.tm_min < 60 && asked.tm_sec < 60
        return isKept && isClock ? Int64(seconds) : nil
    }
}
