internal import EventLoops
internal import Logging
internal import Synchronization

/// What the log says of a connection.
extension SSHServerConnection {
    /// A line about a peer that has not logged in, unless there were too many.
    func logRefusal(_ message: String, _ fields: Logger.Metadata = [:], reason: String) {
        guard let suppressed = context.refusals.line(about: place.source, now: loop.now) else { return }
        var fields = fields
        fields["reason"] = "\(reason)"
        if suppressed > 0 { fields["lines_left_out"] = "\(suppressed)" }
        log(.info, message, fields)
    }

    func pathDidChange(_ change: PathWatch.Change) {
        log(.debug, change.description)
        guard let advice = change.advice, !context.adviceIsGiven.exchange(true, ordering: .relaxed) else { return }
        context.logger.notice("\(advice)")
    }

    /// Who has logged in.
    var identification: Logger.Metadata { ["user": "\(SSHRuntime.userName(user))", "key": "\(keyFingerprint)"] }

    /// A line about this connection, with the peer's address beside its own `fields`.
    func log(
        _ level: Logger.Level,
        _ message: @autoclosure () -> String,
        _ fields: @autoclosure () -> Logger.Metadata = [:]
    ) {
        context.logger.log(
            level: level,
            "\(message())",
            metadata: fields().merging(["address": "\(remoteAddress)", "port": "\(remotePort)"]) { $1 }
        )
    }
}
