internal import EventLoops
internal import Glibc
internal import Synchronization

/// The addresses of one host name, as the system's resolver knows them (getaddrinfo(3)).
///
/// The resolver blocks, for half a minute when its servers are silent, so it has a thread of its own. There is one such
/// thread for each name at most: callers that ask again meanwhile get the same answer.
final class NameLookup: Sendable {
    /// What there is to find: name, port and address family.
    struct Question: Hashable {
        var name: String
        var port: UInt16
        var family: Int32
        /// Whether the name that the addresses are really those of is wanted, too.
        var wantsCanonicalName = false
    }

    /// How it has ended.
    struct Answer {
        var addresses: [ServerAddress]
        /// What getaddrinfo has returned; 0 is success.
        var code: Int32
        /// The name that a CNAME has led to, or the name itself; nil where nobody has asked.
        var canonicalName: String?
    }

    private static let waiting = Mutex<[Question: [NameLookup]]>([:])

    /// Readable when the answer is there.
    let descriptor: Int32
    private let writer: Int32
    private let answer = Mutex<Answer?>(nil)

    /// Begins to look up; nil when the process is out of descriptors or threads.
    init?(_ question: Question) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
        descriptor = ends[0]
        writer = ends[1]
        let isFirst = Self.waiting.withLock { waiting in
            waiting[question, default: []].append(self)
            return waiting[question]?.count == 1
        }
        guard isFirst, !DetachedThread.run({ Self.finish(question, Self.resolve(question)) }) else { return }
        Self.finish(question, Answer(addresses: [], code: EAI_AGAIN))
    }

    deinit {
        close(descriptor)
        close(writer)
    }

    /// The answer, if it is there.
    var result: Answer? { answer.withLock { $0 } }

    private static func finish(_ question: Question, _ answer: Answer) {
        for lookup in waiting.withLock({ $0.removeValue(forKey: question) }) ?? [] {
            lookup.answer.withLock { $0 = answer }
            send(lookup.writer, [1] as [UInt8], 1, Int32(MSG_NOSIGNAL))
        }
    }

    /// Asks getaddrinfo, in the order that it gives (RFC 6724). Blocks.
    ///
    /// - Parameter flags: `AI_NUMERICHOST` for what is no name but an address; that never blocks.
    static func resolve(_ question: Question, flags: Int32 = 0) -> Answer {
        var hints = addrinfo()
        hints.ai_family = question.family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags | (question.wantsCanonicalName ? AI_CANONNAME : 0)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(question.name, "\(question.port)", &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard code == 0 else { return Answer(addresses: [], code: code) }
        var addresses: [ServerAddress] = []
        var next = found
        while let info = next?.pointee {
            if let address = info.ai_addr.flatMap({ ServerAddress($0) }) { addresses.append(address) }
            next = info.ai_next
        }
        return Answer(
            addresses: addresses,
            code: addresses.isEmpty ? EAI_NONAME : 0,
            canonicalName: found?.pointee.ai_canonname.map { String(cString: $0) }
        )
    }
}
