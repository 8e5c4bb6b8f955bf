internal import Glibc

/// Why the control socket cannot be opened or reached.
public struct ControlError: Error, Sendable, CustomStringConvertible {
    /// What a program should make of it.
    public enum Kind: Sendable, Hashable {
        /// Nobody listens there.
        case noDaemon
        /// The socket belongs to others.
        case notPermitted
        /// Another process listens there already.
        case inUse
        /// Something else went wrong.
        case system
        /// The daemon has refused, with the status that the asking program should end with.
        case refused(exitStatus: Int32)
    }

    /// What kind of failure it is.
    public let kind: Kind
    /// What happened and what to do about it, in one line.
    public let reason: String

    /// Describes a failure.
    public init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    /// The reason.
    public var description: String { reason }

    /// A failed call: `code` is `-errno`.
    static func call(_ doing: String, _ code: Int32) -> ControlError {
        ControlError(.system, "\(doing): \(text(code))")
    }

    static func text(_ code: Int32) -> String { String(cString: strerror(-code)) }
}
