/// The head of an HTTP request, as far as the lab's server needs it (RFC 9112).
struct WebRequest {
    let method: String
    let path: String
    let version: String
    private var fields: [String: String] = [:]

    /// - Parameter head: the bytes before the empty line; nil if they are no request.
    init?(head: ArraySlice<UInt8>) {
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3 else { return nil }
        (method, path, version) = (String(words[0]), String(words[1]), String(words[2]))
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            fields[line[..<colon].lowercased()] = String(value)
        }
    }

    var length: Int { fields["content-length"].flatMap { Int($0) } ?? 0 }
    var expectsContinue: Bool { fields["expect"]?.lowercased() == "100-continue" }
    /// True unless the caller wants no other answer over this connection.
    var isPersistent: Bool { version == "HTTP/1.1" && fields["connection"]?.lowercased() != "close" }
}
