import CLibSSH
import EventLoops
import Glibc
import PacketTunnel

@testable import SSHTransport

/// A key pair in memory.
final class TestKey: @unchecked Sendable {
    let handle: ssh_key
    let publicKey: SSHPublicKey

    init(_ type: ssh_keytypes_e = SSH_KEYTYPE_ED25519, bits: Int32 = 0) throws {
        try SSHRuntime.initialize()
        var key: ssh_key?
        guard libssh_shim_generate_key(type, bits, &key) == SSH_OK, let key, let publicKey = SSHPublicKey(key) else {
            throw SSHError(.resources, "no key")
        }
        handle = key
        self.publicKey = publicKey
    }

    deinit { ssh_key_free(handle) }

    func write(to path: String) throws {
        guard ssh_pki_export_privkey_file(handle, nil, nil, nil, path) == SSH_OK else {
            throw SSHError(.resources, "cannot write \(path)")
        }
        chmod(path, 0o600)
    }
}

/// A blocking libssh client: what a peer that is not ours does. Used by one thread.
final class TestClient {
    let session: ssh_session
    let peer: OpaquePointer?
    private var isDisconnected = false

    /// Connects and exchanges keys; does not log in.
    init(port: UInt16, host: String = "127.0.0.1", options: [(ssh_options_e, String)] = []) throws {
        try SSHRuntime.initialize()
        guard let session = ssh_new() else { throw SSHError(.resources, "out of memory") }
        self.session = session
        peer = libssh_shim_peer_attach(session, nil, nil, nil)
        var number = UInt32(port)
        var no: CInt = 0
        var seconds: CLong = 10
        ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no)
        var yes: CInt = 1
        ssh_options_set(session, SSH_OPTIONS_NODELAY, &yes)
        ssh_options_set(session, SSH_OPTIONS_HOST, host)
        ssh_options_set(session, SSH_OPTIONS_PORT, &number)
        ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &seconds)
        ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, "aes256-gcm@openssh.com")
        ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, "aes256-gcm@openssh.com")
        for (option, value) in options { ssh_options_set(session, option, value) }
        guard ssh_connect(session) == SSH_OK else { throw SSHError(.connection, lastError) }
    }

    deinit {
        disconnect()
        ssh_free(session)
        libssh_shim_peer_free(peer)
    }

    var lastError: String { String(cString: ssh_get_error(UnsafeMutableRawPointer(session))) }

    func disconnect() {
        guard !isDisconnected else { return }
        isDisconnected = true
        ssh_blocking_flush(session, 1000)
        ssh_disconnect(session)
    }

    /// The result of one attempt, as `ssh_auth_e` has it.
    func logIn(user: String = "alice", _ key: TestKey) -> Int32 {
        ssh_userauth_publickey(session, user, key.handle)
    }

    func offer(user: String = "alice", _ key: TestKey) -> Int32 {
        ssh_userauth_try_publickey(session, user, key.handle)
    }

    /// Opens a channel of any type; nil if it is refused. `lastError` has the reason then.
    func open(_ type: String, payload: [UInt8] = [], extraWindow: UInt32 = 0) -> ssh_channel? {
        guard let channel = ssh_channel_new(session) else { return nil }
        guard libssh_shim_channel_open(channel, type, payload, payload.count, extraWindow) == SSH_OK else {
            return nil
        }
        return channel
    }

    func write(_ channel: ssh_channel, _ bytes: [UInt8]) -> Int32 {
        ssh_channel_write(channel, bytes, UInt32(bytes.count))
    }

    /// Reads exactly `count` bytes, or what came before the end or ten seconds.
    func read(_ channel: ssh_channel, _ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while result.count < count {
            let wanted = UInt32(min(buffer.count, count - result.count))
            let received = ssh_channel_read_timeout(channel, &buffer, wanted, 0, 10_000)
            guard received > 0 else { break }
            result += buffer[..<Int(received)]
        }
        return result
    }

    func readToEnd(_ channel: ssh_channel) -> String { String(decoding: read(channel, 1 << 20), as: UTF8.self) }

    func send(_ packet: [UInt8]) { libssh_shim_send_packet(session, packet, packet.count) }

    /// True once the server has ended the connection, within ten seconds.
    func isEnded() -> Bool {
        guard let event = ssh_event_new() else { return false }
        defer { ssh_event_free(event) }
        ssh_event_add_session(event, session)
        defer { ssh_event_remove_session(event, session) }
        let end = Self.now + 10
        while Self.now < end {
            if ssh_event_dopoll(event, 100) == SSH_ERROR || ssh_is_connected(session) == 0 { return true }
        }
        return false
    }

    /// Seconds of the monotonic clock.
    static var now: Double { Double(SystemClock.monotonic) / 1e9 }
}

/// A plain TCP connection to a server, for what no SSH library would send.
final class TestSocket {
    let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw SSHError(.connection, "cannot connect") }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Seconds until the server has closed the connection; nil after ten.
    func timeToEnd() -> Double? {
        let start = TestClient.now
        var buffer = [UInt8](repeating: 0, count: 4096)
        while TestClient.now - start < 10 {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 1000) > 0 else { continue }
            if recv(descriptor, &buffer, buffer.count, 0) <= 0 { return TestClient.now - start }
        }
        return nil
    }
}
