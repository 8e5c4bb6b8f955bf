internal import Glibc
internal import IPPacket

/// One caller of the web server: requests, one after the other. Used by one thread.
struct WebConnection {
    private let socket: Socket
    private let blob: Blob
    /// What has arrived and not been looked at.
    private var input: [UInt8] = []

    private static let largestHead = 65_536

    init(_ socket: Socket, blob: Blob) {
        self.socket = socket
        self.blob = blob
    }

    /// Serves until the caller leaves.
    mutating func serve() throws {
        while let request = try nextRequest() {
            try answer(request)
            if !request.isPersistent { return }
        }
    }

    private mutating func nextRequest() throws -> WebRequest? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = input.firstRange(of: end) {
                defer { input.removeSubrange(..<range.upperBound) }
                return WebRequest(head: input[..<range.lowerBound])
            }
            guard isRequest else {
                try socket.send(Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".utf8))
                return nil
            }
            let more = try socket.receive()
            guard !more.isEmpty, input.count < Self.largestHead else { return nil }
            input += more
        }
    }

    /// False once the first line is there and is none of HTTP.
    private var isRequest: Bool {
        guard let end = input.firstIndex(of: UInt8(ascii: "\n")) else { return true }
        return String(decoding: input[..<end], as: UTF8.self).contains(" HTTP/")
    }

    private mutating func answer(_ request: WebRequest) throws {
        let words = request.path.split(separator: "/")
        if request.method == "PUT" {
            try answer(take(request))
        } else if words.count == 2, words[0] == "blob", let count = Int(words[1]), count >= 0 {
            try sendHead(type: "application/octet-stream", length: count)
            try blob.send(count, to: socket)
        } else {
            try answer("hello from the target; you come from \(socket.peer?.address.description ?? "nowhere")")
        }
    }

    private func answer(_ line: String) throws {
        let body = Array((line + "\n").utf8)
        try sendHead(type: "text/plain", length: body.count, body: body)
    }

    private func sendHead(type: String, length: Int, body: [UInt8] = []) throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nContent-Length: \(length)\r\n\r\n"
        try socket.send(Array(head.utf8) + body)
    }

    /// Takes a body; returns its length and its SHA-256.
    private mutating func take(_ request: WebRequest) throws -> String {
        if request.expectsContinue { try socket.send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
        let digest = try Digest()
        var left = request.length
        while left > 0 {
            if input.isEmpty { input = try socket.receive(atMost: 1 << 18) }
            guard !input.isEmpty else { throw SystemFailure(call: "body", code: ECONNRESET) }
            let piece = input.prefix(left)
            try digest.write(piece)
            left -= piece.count
            input.removeFirst(piece.count)
        }
        return "\(request.length) \(try digest.finish())"
    }
}
