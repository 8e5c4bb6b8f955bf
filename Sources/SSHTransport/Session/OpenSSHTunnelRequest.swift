/// What a `tun@openssh.com` open asks for (OpenSSH's PROTOCOL, section 2.3): two 32-bit words, mode and unit.
public enum OpenSSHTunnelRequest {
    /// The unit of a client that does not care.
    public static let anyUnit: UInt32 = 0x7fff_ffff
    private static let layer3: UInt32 = 1

    /// Why a request cannot be served.
    public enum Problem: Error, CustomStringConvertible {
        /// The payload is not two words.
        case malformed
        /// Layer 2 is asked for.
        case ethernet
        /// The mode is neither layer 2 nor layer 3.
        case unknownMode(UInt32)
        /// No device has that number.
        case impossibleUnit(UInt32)

        /// A clause for the log and for the client.
        public var description: String {
            switch self {
            case .malformed: "the request for a tunnel has no mode and unit"
            case .ethernet: "only layer 3 tunnels are served: set Tunnel point-to-point"
            case .unknownMode(let mode): "tunnel mode \(mode) is unknown"
            case .impossibleUnit(let unit): "tunnel unit \(unit) is impossible"
            }
        }
    }

    /// The unit of a well-formed request for layer 3.
    public static func parse(_ payload: [UInt8]) -> Result<UInt32, Problem> {
        guard payload.count == 8 else { return .failure(.malformed) }
        let words = stride(from: 0, to: 8, by: 4).map { start in
            payload[start..<(start + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        guard words[0] == layer3 else { return .failure(words[0] == 2 ? .ethernet : .unknownMode(words[0])) }
        // 0x7ffffffe stands for an error in OpenSSH; what is above `anyUnit` is no number of it.
        guard words[1] < anyUnit - 1 || words[1] == anyUnit else { return .failure(.impossibleUnit(words[1])) }
        return .success(words[1])
    }

    /// The unit of a request, nil for a malformed one.
    public static func unit(_ payload: [UInt8]) -> UInt32? { try? parse(payload).get() }

    /// The session's name that a unit stands for.
    public static func sessionName(_ unit: UInt32?) -> String {
        guard let unit, unit != anyUnit else { return "" }
        return "unit \(unit)"
    }
}
