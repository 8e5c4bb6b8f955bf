internal import IPPacket
internal import PacketTunnel
internal import Synchronization

/// How the resolvers answer, over all clients: what `DNSFlowTracking` shows in the status. Safe from any thread.
final class DNSQuality: Sendable {
    /// Clients may ask resolvers of their own; beyond so many they are counted together.
    private static let rowLimit = 64
    private static let others = "others"

    private let rows = Mutex<[IPAddress: Row]>([:])
    private let rest = Mutex(Row())

    fileprivate struct Row {
        var answered = 0
        var unanswered = 0
        var answeringNanoseconds: UInt64 = 0

        mutating func count(received: Bool, nanoseconds: UInt64) {
            if received {
                answered += 1
                answeringNanoseconds &+= nanoseconds
            } else {
                unanswered += 1
            }
        }
    }

    /// The figures of one resolver.
    struct Status: Encodable {
        var resolver: String
        var answered: Int
        var unanswered: Int
        /// Time that all answers together took.
        var answeringMilliseconds: UInt64

        fileprivate init(_ resolver: String, _ row: Row) {
            self.resolver = resolver
            answered = row.answered
            unanswered = row.unanswered
            answeringMilliseconds = row.answeringNanoseconds / 1_000_000
        }
    }

    /// Counts one query; the `ClientHooks.reportDNSQuality` of every client.
    func count(received: Bool, nanoseconds: UInt64, resolver: IPAddress) {
        let isCounted = rows.withLock { rows in
            guard rows[resolver] != nil || rows.count < Self.rowLimit else { return false }
            rows[resolver, default: Row()].count(received: received, nanoseconds: nanoseconds)
            return true
        }
        if !isCounted { rest.withLock { $0.count(received: received, nanoseconds: nanoseconds) } }
    }

    /// The figures of every resolver as they are now, the most asked first.
    var status: [Status] {
        var list = rows.withLock { rows in rows.map { Status("\($0.key)", $0.value) } }
        list.sort { ($1.answered + $1.unanswered, $0.resolver) < ($0.answered + $0.unanswered, $1.resolver) }
        let rest = rest.withLock { $0 }
        return rest.answered + rest.unanswered == 0 ? list : list + [Status(Self.others, rest)]
    }
}
