internal import Glibc
internal import IPPacket
internal import OpenSSHSyntax

/// The user that runs the program, and the host it runs on, as ssh_config files speak of them.
enum LocalUser {
    /// The home directory of the user that runs the program: `HOME` may be another's, as after `sudo`; ssh ignores it.
    static let homeDirectory: String = record(of: getuid()) { String(cString: $0.pw_dir) } ?? "/"
    /// The login name of the user that runs the program.
    static let name: String = record(of: getuid()) { String(cString: $0.pw_name) } ?? ""
    /// What gethostname(2) says.
    static let hostName: String = {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    /// The home directory of a user; of the one who runs the program for an empty name.
    static func home(_ user: String) -> String? {
        if user.isEmpty { return homeDirectory }
        return withRecord({ getpwnam_r(user, $0, $1, $2, $3) }) { String(cString: $0.pw_dir) }
    }

    private static func record<T>(of user: uid_t, _ body: (passwd) -> T) -> T? {
        withRecord({ getpwuid_r(user, $0, $1, $2, $3) }, body)
    }

    private static func withRecord<T>(
        _ lookUp: (
            UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
        ) -> Int32,
        _ body: (passwd) -> T
    ) -> T? {
        var record = passwd()
        var result: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        let capacity = buffer.count
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, lookUp(&record, base, capacity, &result) == 0, let result else {
                return nil
            }
            return body(result.pointee)
        }
    }

    /// The files that a shell pattern names, in alphabetical order.
    static func glob(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard Glibc.glob(pattern, 0, nil, &found) == 0, let paths = found.gl_pathv else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
    }

    /// The addresses of the host's interfaces, without loopback.
    static func addresses() -> [IPAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var addresses: [IPAddress] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let name = entry.ifa_addr, entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0 else { continue }
            let isIPv4 = Int32(name.pointee.sa_family) == AF_INET
            guard isIPv4 || Int32(name.pointee.sa_family) == AF_INET6 else { continue }
            let size = isIPv4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let length = socklen_t(text.count)
            guard getnameinfo(name, socklen_t(size), &text, length, nil, 0, NI_NUMERICHOST) == 0 else { continue }
            let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            if let address = IPAddress(peer: String(decoding: bytes, as: UTF8.self)) { addresses.append(address) }
        }
        return addresses
    }
}
