internal import Glibc

/// The values of our own options.
enum AuthorizedKeysValues {
    typealias Problem = AuthorizedKeysOptions.Problem

    /// `80,443,8000-8010`. A colon separates as well, because a comma outside quotes ends the option.
    static func ports(_ text: String, _ problem: Problem) throws(Problem) -> [ClosedRange<UInt16>] {
        var ranges: [ClosedRange<UInt16>] = []
        for item in text.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "," || $0 == ":" }) {
            let bounds = item.split(separator: "-", omittingEmptySubsequences: false).map {
                digits($0).flatMap { UInt16($0) }
            }
            guard bounds.count <= 2, let low = bounds.first ?? nil, let high = bounds.last ?? nil, 1 <= low, low <= high
            else { throw problem.adding("ports are numbers from 1 to 65535, or ranges as 8000-8010") }
            ranges.append(low...high)
        }
        return ranges
    }

    static func networks(_ text: String, _ problem: Problem) throws(Problem) -> [String] {
        let networks = text.split(separator: ",", omittingEmptySubsequences: false)
        for network in networks where AddressPattern(network) == nil {
            throw problem.adding("\(network) is no network in CIDR form (no bits beyond the prefix)")
        }
        return networks.map(String.init)
    }

    static func domains(_ text: String, _ problem: Problem) throws(Problem) -> [String] {
        var domains: [String] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            // `*.example.com` and `.example.com` say what `example.com` means anyway.
            var name = item.hasPrefix("*.") ? item.dropFirst(2) : item.hasPrefix(".") ? item.dropFirst() : item
            if name.hasSuffix(".") { name = name.dropLast() }
            guard isDomain(name) else { throw problem.adding("\(item) is no domain name") }
            domains.append(name.lowercased())
        }
        return domains
    }

    /// Bytes per second; K, M and G multiply by 1024, as in sshd's sizes.
    static func rate(_ text: String, _ problem: Problem) throws(Problem) -> UInt64 {
        let shifts: [Character: UInt64] = ["k": 10, "m": 20, "g": 30]
        let shift = text.last.flatMap { shifts[Character($0.lowercased())] }
        let number = digits(shift == nil ? text[...] : text.dropLast()).flatMap { UInt64($0) }
        guard let number, number > 0, number <= UInt64(Int64.max) >> (shift ?? 0) else {
            throw problem.adding("a rate is bytes per second, with K, M or G after it for short")
        }
        return number << (shift ?? 0)
    }

    static func sessions(_ text: String, _ problem: Problem) throws(Problem) -> Int {
        guard let number = digits(text[...]).flatMap({ Int($0) }), number > 0 else {
            throw problem.adding("the number of sessions is at least 1")
        }
        return number
    }

    /// The text if it is all decimal digits: `Int` would take a sign as well.
    private static func digits(_ text: Substring) -> Substring? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? text : nil
    }

    private static func isDomain(_ name: Substring) -> Bool {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count)
                    && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
            }
    }
}

extension AuthorizedKeysOptions.Problem {
    func adding(_ text: String) -> Self { Self(reason: reason + text) }
}

/// `expiry-time=`: a date, or a time to the minute or second; local time, or UTC with a `Z` behind (sshd(8)).
enum AuthorizedKeysTime {
    /// Seconds since 1970 in UTC; nil if the text is no such time.
    static func parse(_ text: String) -> Int64? {
        var digits = Substring(text)
        let isUTC = digits.last == "Z" || digits.last == "z"
        if isUTC { digits = digits.dropLast() }
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
        // Both calls turn February 30th into March: such a date is a slip.
        let isKept = (time.tm_year, time.tm_mon, time.tm_mday) == (asked.tm_year, asked.tm_mon, asked.tm_mday)
        let isClock = asked.tm_hour < 24 && asked.tm_min < 60 && asked.tm_sec < 60
        return isKept && isClock ? Int64(seconds) : nil
    }
}
