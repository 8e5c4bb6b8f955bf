import CTunnelControl
import Glibc

/// Two descriptors that are no byte stream, or not in this direction.
enum Unusable: CaseIterable {
    case files, device, wrongWay, datagrams, messages, network, pathOnly

    func withDescriptors(_ body: (Int32, Int32) throws -> Void) throws {
        switch self {
        case .files: try with(File("/etc/passwd", O_RDONLY), body)
        case .device: try with(File("/dev/zero", O_RDWR), body)
        case .pathOnly:
            // O_PATH, which the Glibc module leaves out.
            try with(File("/etc/passwd", 0o10_000_000), body)
        case .wrongWay:
            let ends = Ends.pipe()
            try body(ends.second, ends.first)
        case .datagrams:
            let ends = Ends.sockets(SOCK_DGRAM)
            try body(ends.first, ends.second)
        case .messages:
            let ends = Ends.sockets(SOCK_SEQPACKET)
            try body(ends.first, ends.second)
        case .network:
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            try body(descriptor, descriptor)
        }
    }

    private func with(_ file: File, _ body: (Int32, Int32) throws -> Void) throws {
        try body(file.descriptor, file.descriptor)
    }
}
