internal import EventLoops
internal import Logging
internal import Synchronization

/// What the log says of a connection.
extension SSHServerConnection {
    /// A line about a peer that has not logged in, unless there were too many.
    func logRefusal(_ message: String) {
        guard let suppressed = context.refusals.line(about: place.source, now: loop.now) else { return }
        log(.info, suppressed == 0 ? message : "\(message) (\(suppressed) lines about refusals left out before)")
    }

    func pathDidChange(_ change: PathWatch.Change) {
        log(.debug, change.description)
        guard let advice = change.advice, !context.adviceIsGiven.exchange(true, ordering: .relaxed) else { return }
        context.logger.notice("\(advice)")
    }

    /// A line about this connection, with the peer's address behind its own `fields`.
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
