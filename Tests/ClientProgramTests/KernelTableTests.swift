import Glibc
import Testing

@testable import packet_tunnel

@Suite("Tables of the kernel")
struct KernelTableTests {
    @Test("are read to their end, which lies behind the first page", arguments: [AF_INET, AF_INET6])
    func wholeTable(family: Int32) throws {
        let descriptors = (0..<200).map { _ in socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }
        defer { for descriptor in descriptors { close(descriptor) } }
        // Listening without an address takes one of the kernel's choice.
        guard descriptors.allSatisfy({ $0 >= 0 && listen($0, 1) == 0 }) else { return #expect(family == AF_INET6) }
        let inodes = descriptors.map { descriptor in
            var status = stat()
            fstat(descriptor, &status)
            return "\(status.st_ino)"
        }
        let lines = KernelTable.lines(of: "/proc/self/net/\(family == AF_INET ? "tcp" : "tcp6")")
        let seen = Set(lines.compactMap { $0.split(separator: " ").dropFirst(9).first.map(String.init) })
        #expect(Set(inodes).subtracting(seen) == [])
    }

    @Test("that there are not have no lines")
    func missing() {
        #expect(KernelTable.lines(of: "/proc/self/no-such-table") == [])
    }
}
