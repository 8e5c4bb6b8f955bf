internal import Glibc
internal import Synchronization

/// The user's SSH agent: what keys it has, and a connection for the SSH library on which it shows one of them.
///
/// The library would offer all keys in the agent's order, and a server hangs up after a few. Here each is offered alone. Belongs
/// to the connecting thread; a thread of its own answers the library, and ends when that closes its side.
final class SSHAgent: Sendable {
    /// A key that the agent signs with.
    struct Identity: Equatable, Sendable {
        /// In SSH's wire format.
        let blob: [UInt8]
        /// What the agent calls it.
        let comment: String
    }

    // draft-ietf-sshm-ssh-agent, section 5.1
    private enum Message {
        static let failure: UInt8 = 5
        static let requestIdentities: UInt8 = 11
        static let identities: UInt8 = 12
        static let signRequest: UInt8 = 13
    }

    /// An agent's answer lists keys or is a signature; OpenSSH takes no more either.
    private static let messageLimit = 256 << 10
    private static let identityLimit = 2048

    /// The agent's keys, in its order.
    let identities: [Identity]
    private let agent: Int32
    private let library: Int32
    /// The one key that is shown; changed while the library waits for nothing.
    private let shown = Mutex<Identity?>(nil)

    /// Connects to an agent and asks for its keys; nil if nobody answers there.
    ///
    /// - Parameter adopt: given the descriptor that the library shall use; the library closes it.
    init?(socket path: String, adopt: (Int32) -> Bool) {
        guard let agent = Self.connect(path) else { return nil }
        guard Self.send([Message.requestIdentities], to: agent), let answer = Self.receive(agent),
            let identities = Self.parse(answer)
        else {
            close(agent)
            return nil
        }
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            close(agent)
            return nil
        }
        self.identities = identities
        self.agent = agent
        library = ends[0]
        guard adopt(ends[1]) else {
            close(ends[1])
            return
        }
        startThread()
    }

    deinit {
        close(agent)
        close(library)
    }

    /// Shows the library this key alone from now on.
    func show(_ identity: Identity) { shown.withLock { $0 = identity } }

    /// The login is over: the thread ends.
    func finish() { shutdown(library, Int32(SHUT_RDWR)) }

    // MARK: The thread

    private func startThread() {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<SSHAgent>.fromOpaque(argument).takeRetainedValue().serve()
                return nil
            },
            argument.toOpaque()
        )
        if code == 0 { pthread_detach(thread) } else { argument.release() }
    }

    private func serve() {
        while let request = Self.receive(library), let kind = request.first {
            var answer: [UInt8]? = [Message.failure]
            switch kind {
            case Message.requestIdentities: answer = Self.answer(listing: shown.withLock { $0 })
            case Message.signRequest: answer = Self.send(request, to: agent) ? Self.receive(agent) : nil
            default: break
            }
            guard Self.send(answer ?? [Message.failure], to: library) else { return }
        }
        shutdown(library, Int32(SHUT_RDWR))
    }

    private static func answer(listing identity: Identity?) -> [UInt8] {
        guard let identity else { return [Message.identities] + word(0) }
        return [Message.identities] + word(1) + string(identity.blob) + string(Array(identity.comment.utf8))
    }

    private static func word(_ value: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt32(value).bigEndian) { Array($0) }
    }

    private static func string(_ bytes: [UInt8]) -> [UInt8] { word(bytes.count) + bytes }

    /// The keys that an answer lists; nil for any other answer.
    static func parse(_ answer: [UInt8]) -> [Identity]? {
        guard answer.first == Message.identities else { return nil }
        var rest = answer.dropFirst()
        func takeWord() -> Int? {
            guard rest.count >= 4 else { return nil }
            defer { rest = rest.dropFirst(4) }
            return rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        }
        func takeString() -> [UInt8]? {
            guard let length = takeWord(), length <= rest.count else { return nil }
            defer { rest = rest.dropFirst(length) }
            return Array(rest.prefix(length))
        }
        guard let count = takeWord(), count <= identityLimit else { return nil }
        var identities: [Identity] = []
        for _ in 0..<count {
            guard let blob = takeString(), let comment = takeString() else { return nil }
            identities.append(Identity(blob: blob, comment: String(decoding: comment, as: UTF8.self)))
        }
        return identities
    }

    // MARK: Bytes

    private static func connect(_ path: String) -> Int32? {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: name.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        let code = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if code == 0 { return descriptor }
        close(descriptor)
        return nil
    }

    private static func send(_ message: [UInt8], to descriptor: Int32) -> Bool {
        let bytes = string(message)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(descriptor, buffer.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private static func receive(_ descriptor: Int32) -> [UInt8]? {
        guard let header = read(4, from: descriptor) else { return nil }
        let length = header.reduce(0) { $0 << 8 | Int($1) }
        guard (1...messageLimit).contains(length) else { return nil }
        return read(length, from: descriptor)
    }

    private static func read(_ count: Int, from descriptor: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                recv(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, 0)
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            filled += got
        }
        return bytes
    }
}
