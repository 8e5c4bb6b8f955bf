internal import CLinuxNetwork
internal import Glibc

/// One netlink request under construction: header, fixed part, attributes (RFC 3549 §2.2, `linux/netlink.h`).
struct NetlinkMessage {
    private(set) var bytes: [UInt8] = []
    let type: UInt16

    /// Flags of a request that must make something new, and fails where it exists.
    static let create = UInt16(NLM_F_CREATE | NLM_F_EXCL)
    /// Flags of a request for a list.
    static let dump = UInt16(NLM_F_ROOT | NLM_F_MATCH)

    /// A request. It is answered with its result, as `NLM_F_ACK` asks, or with a list.
    init<Fixed: BitwiseCopyable>(type: Int, flags: UInt16 = 0, _ fixed: Fixed) {
        self.type = UInt16(type)
        let isDump = flags & Self.dump == Self.dump
        let header = nlmsghdr(
            nlmsg_len: 0,
            nlmsg_type: self.type,
            nlmsg_flags: UInt16(NLM_F_REQUEST) | flags | (isDump ? 0 : UInt16(NLM_F_ACK)),
            nlmsg_seq: 0,
            nlmsg_pid: 0
        )
        append(header)
        append(fixed)
    }

    /// Adds an attribute whose value has the machine's byte order, as rtnetlink wants it.
    mutating func attribute<Value: BitwiseCopyable>(_ type: some BinaryInteger, _ value: Value) {
        nested(type) { $0.append(value) }
    }

    /// Adds an attribute of raw bytes: an address.
    mutating func attribute(_ type: some BinaryInteger, bytes: [UInt8]) {
        nested(type) { $0.append(bytes) }
    }

    /// Adds an attribute that holds what `body` adds. Lengths exclude the padding, positions include it.
    mutating func nested(_ type: some BinaryInteger, _ body: (inout NetlinkMessage) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(UInt16(truncatingIfNeeded: type))
        body(&self)
        store(UInt16(bytes.count - start), at: start)
        append([UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4))
    }

    /// The finished message under the sequence number that its answers will carry.
    func finished(sequence: UInt32) -> [UInt8] {
        var message = self
        message.store(UInt32(bytes.count), at: 0)
        message.store(sequence, at: 8)
        return message.bytes
    }

    private mutating func append<Value: BitwiseCopyable>(_ value: Value) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    private mutating func append(_ more: [UInt8]) {
        bytes += more
    }

    private mutating func store<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: Value.self) }
    }
}

/// One message of an answer: a window on the received bytes. Every access is checked; the kernel is trusted to mean
/// well, not to be free of padding.
struct NetlinkAnswer {
    let type: UInt16
    let flags: UInt16
    /// What follows the 16 bytes of the message header.
    let payload: ArraySlice<UInt8>

    /// The value at `offset` of the payload, or nil if it ends before.
    func load<Value: BitwiseCopyable>(_ type: Value.Type, at offset: Int = 0) -> Value? {
        payload.load(type, at: offset)
    }

    /// The attributes after a fixed part of `offset` bytes.
    func attributes(after offset: Int) -> NetlinkAttributes {
        NetlinkAttributes(payload.dropFirst((offset + 3) & ~3))
    }

    /// The messages that lie one after the other in what one receive call returned.
    static func each(in bytes: [UInt8], _ body: (_ sequence: UInt32, NetlinkAnswer) -> Void) {
        var rest = bytes[...]
        while let header = rest.load(nlmsghdr.self), (16...rest.count).contains(Int(header.nlmsg_len)) {
            let length = Int(header.nlmsg_len)
            body(
                header.nlmsg_seq,
                NetlinkAnswer(
                    type: header.nlmsg_type,
                    flags: header.nlmsg_flags,
                    payload: rest.prefix(length).dropFirst(16)
                )
            )
            rest = rest.dropFirst((length + 3) & ~3)
        }
    }
}

/// The attributes of one message or of one nested attribute. Found by looking through: there are few.
struct NetlinkAttributes {
    private let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
    }

    /// The value of the first attribute of this type.
    subscript(_ wanted: some BinaryInteger) -> ArraySlice<UInt8>? {
        var rest = bytes
        while let header = rest.load(nlattr.self), (4...rest.count).contains(Int(header.nla_len)) {
            let length = Int(header.nla_len)
            // The two highest bits say "nested" and "network byte order"; the kernel does not always set them.
            if header.nla_type & 0x3fff == UInt16(wanted) { return rest.prefix(length).dropFirst(4) }
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return nil
    }

    /// The number in the attribute of this type, in the machine's byte order.
    func uint32(_ wanted: some BinaryInteger) -> UInt32? {
        self[wanted]?.load(UInt32.self)
    }

    /// The attributes inside the attribute of this type.
    func nested(_ wanted: some BinaryInteger) -> NetlinkAttributes? {
        self[wanted].map { NetlinkAttributes($0) }
    }
}

extension ArraySlice<UInt8> {
    /// The value at `offset` from the start of the slice, however it is aligned.
    func load<Value: BitwiseCopyable>(_ type: Value.Type, at offset: Int = 0) -> Value? {
        withUnsafeBytes { bytes in
            guard offset >= 0, bytes.count - offset >= MemoryLayout<Value>.size else { return nil }
            return bytes.loadUnaligned(fromByteOffset: offset, as: type)
        }
    }
}
