internal import CLinuxNetwork
internal import Glibc

/// The error that the kernel answered a netlink request with.
struct NetlinkError: Error, Hashable {
    /// An `errno` value.
    let code: Int32
    /// The kernel's own explanation, where it gives one.
    let detail: String
}

/// One netlink socket: a request, and its answer. Waits for the answer, which the kernel makes at once.
///
/// The socket belongs to the network namespace of the thread that opened it, whichever thread uses it later.
struct NetlinkSocket: ~Copyable {
    private let descriptor: Int32
    private var sequence: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    /// - Parameter family: `NETLINK_ROUTE` or `NETLINK_NETFILTER`.
    init(family: Int32) throws(NetlinkError) {
        descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), family)
        guard descriptor >= 0 else { throw NetlinkError(code: errno, detail: "netlink socket") }
        var on: Int32 = 1
        // Explanations in words, without the request echoed before them. Old kernels refuse: no words then.
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
            _ = setsockopt(descriptor, SOL_NETLINK, option, &on, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Sends a request and waits for its result.
    mutating func request(_ message: NetlinkMessage) throws(NetlinkError) {
        _ = try transact(message) { _ in }
    }

    /// Sends a request for one object or for a list, and hands each message of the answer to `body`.
    ///
    /// A list that changed while it was read is read again, so `body` may see an object twice.
    mutating func query(_ message: NetlinkMessage, _ body: (NetlinkAnswer) -> Void) throws(NetlinkError) {
        for _ in 0..<8 {
            if try transact(message, body) { return }
        }
    }

    /// Returns false if the list is inconsistent (`NLM_F_DUMP_INTR`).
    private mutating func transact(
        _ message: NetlinkMessage,
        _ body: (NetlinkAnswer) -> Void
    ) throws(NetlinkError) -> Bool {
        sequence &+= 1
        try send(message.finished(sequence: sequence))
        var isConsistent = true
        while true {
            let bytes = try receive()
            var result: NetlinkError?
            NetlinkAnswer.each(in: bytes) { number, answer in
                guard number == sequence, result == nil else { return }
                if Int32(answer.flags) & NLM_F_DUMP_INTR != 0 { isConsistent = false }
                switch Int32(answer.type) {
                case NLMSG_ERROR, NLMSG_DONE: result = Self.result(of: answer)
                default: body(answer)
                }
            }
            guard let result else { continue }
            guard result.code == 0 else { throw result }
            return isConsistent
        }
    }

    /// Both `NLMSG_ERROR` and `NLMSG_DONE` begin with a negative errno, or 0.
    private static func result(of answer: NetlinkAnswer) -> NetlinkError {
        let code = -(answer.load(Int32.self) ?? 0)
        guard Int32(answer.flags) & NLM_F_ACK_TLVS != 0, Int32(answer.type) == NLMSG_ERROR else {
            return NetlinkError(code: code, detail: "")
        }
        // The errno, and the header of the request it belongs to.
        let text = answer.attributes(after: 4 + 16)[NLMSGERR_ATTR_MSG.rawValue]
        return NetlinkError(
            code: code,
            detail: text.map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } ?? ""
        )
    }

    private func send(_ bytes: [UInt8]) throws(NetlinkError) {
        guard Glibc.send(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw NetlinkError(code: errno, detail: "send to netlink")
        }
    }

    private mutating func receive() throws(NetlinkError) -> [UInt8] {
        while true {
            let count = recvfrom(descriptor, &buffer, buffer.count, 0, nil, nil)
            if count > 0 { return Array(buffer[..<count]) }
            guard count < 0, errno == EINTR else {
                throw NetlinkError(code: count < 0 ? errno : EIO, detail: "receive from netlink")
            }
        }
    }
}
