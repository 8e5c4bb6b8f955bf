internal import ArgumentParser
internal import Glibc

/// Sends back whatever arrives, by UDP and by TCP, until it is ended.
struct EchoProbe: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "echo")

    @OptionGroup var endpoint: ProbeEndpoint

    func run() throws {
        let address = try SocketAddress(endpoint)
        let datagrams = try ProbeSocket(SOCK_DGRAM, for: address, nonBlocking: true)
        datagrams.setReceiveBuffer(4 << 20)
        try datagrams.bind(to: address)
        let listener = try ProbeSocket(SOCK_STREAM, for: address, nonBlocking: true)
        try listener.bind(to: address)
        try ProbeFailure.check(listen(listener.descriptor, 1_024), "listen")
        ProbeOutput.write("listening")
        var server = EchoServer(datagrams: datagrams, listener: listener)
        while true { try server.turn() }
    }
}

private struct EchoServer {
    let datagrams: ProbeSocket
    let listener: ProbeSocket
    private var connections: [ProbeSocket] = []
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(datagrams: ProbeSocket, listener: ProbeSocket) {
        self.datagrams = datagrams
        self.listener = listener
    }

    /// Waits, and serves whoever has something.
    mutating func turn() throws {
        let sockets = [datagrams, listener] + connections
        var entries = sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        guard try ProbeFailure.check(poll(&entries, nfds_t(entries.count), -1), "poll") > 0 else { return }
        if entries[0].revents != 0 { echoDatagrams() }
        if entries[1].revents != 0 { accept() }
        for (entry, connection) in zip(entries, sockets).dropFirst(2) where entry.revents != 0 {
            if !echo(connection) { connections.removeAll { $0 === connection } }
        }
    }

    private mutating func echoDatagrams() {
        var sender = sockaddr_storage()
        while true {
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let isDone = withUnsafeMutablePointer(to: &sender) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    let count = recvfrom(datagrams.descriptor, &buffer, buffer.count, 0, address, &length)
                    guard count >= 0 else { return true }
                    sendto(datagrams.descriptor, buffer, count, 0, address, length)
                    return false
                }
            }
            if isDone { return }
        }
    }

    private mutating func accept() {
        while case let descriptor = Glibc.accept(listener.descriptor, nil, nil), descriptor >= 0 {
            let connection = ProbeSocket(owning: descriptor)
            connection.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            connections.append(connection)
        }
    }

    /// False when the connection has ended.
    private mutating func echo(_ connection: ProbeSocket) -> Bool {
        let count = recv(connection.descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        return send(connection.descriptor, buffer, count, Int32(MSG_NOSIGNAL)) == count
    }
}
