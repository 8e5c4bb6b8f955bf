internal import Glibc

/// A system call that failed, with its errno.
struct SystemFailure: Error, CustomStringConvertible {
    let call: String
    let code: Int32

    var description: String { "\(call): \(String(cString: strerror(code)))" }

    /// The result, unless it says that the call failed.
    @discardableResult
    static func check<Result: SignedInteger>(_ result: Result, _ call: String) throws -> Result {
        let code = errno
        guard result < 0 else { return result }
        throw SystemFailure(call: call, code: code)
    }
}
