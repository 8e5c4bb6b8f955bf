/// How the congestion control of the TCP connection under a tunnel is chosen: `auto`, `system`, or its name in the kernel.
public enum CongestionControl: ConfigurationValue {
    /// By the path: BBR where it is long or loses packets, the system's choice otherwise.
    case auto
    /// By the system: its default, or that of a route.
    case system
    /// By the name that the kernel has for it, such as `cubic`.
    case named(String)

    /// Bytes of a name at most (`TCP_CA_NAME_MAX` of linux/tcp.h, with its final zero).
    private static let longestName = 15

    /// `auto|system|NAME`
    public static var placeholder: String { "auto|system|NAME" }

    /// Reads one word.
    ///
    /// - Throws: for what cannot be the name of a kernel module.
    public init(parsing text: String) throws(ValueProblem) {
        switch text.lowercased() {
        case "auto": self = .auto
        case "system": self = .system
        default:
            let isName = text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            }
            guard isName, !text.isEmpty, text.utf8.count <= Self.longestName else {
                throw ValueProblem(
                    "\"\(text)\" is not the name of a congestion control",
                    hint: "sysctl net.ipv4.tcp_available_congestion_control lists those of this system"
                )
            }
            self = .named(text)
        }
    }

    /// The word.
    public var description: String {
        switch self {
        case .auto: "auto"
        case .system: "system"
        case .named(let name): name
        }
    }
}
