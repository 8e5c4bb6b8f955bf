internal import CLibSSH

/// What a peer asks of an open channel (RFC 4254 §6).
enum SSHChannelRequest {
    case environment(name: String, value: String)
    case execute(String)
    case shell
    case terminal
    case subsystem(String)
}

/// libssh's callbacks of one channel.
///
/// Free functions on purpose: a closure written in isolated code carries that isolation with it and traps when the
/// loop's thread runs it.
enum SSHChannelCallbacks {
    /// A variable longer than this is refused.
    static let longestName = 64
    static let longestValue = 256

    /// Fills in `callbacks`, which live as long as the channel.
    static func install(_ callbacks: UnsafeMutablePointer<ssh_channel_callbacks_struct>, for channel: SSHChannel) {
        callbacks.pointee.size = MemoryLayout<ssh_channel_callbacks_struct>.size
        callbacks.pointee.userdata = Unmanaged.passUnretained(channel).toOpaque()
        callbacks.pointee.channel_data_function = dataArrived
        callbacks.pointee.channel_eof_function = endArrived
        callbacks.pointee.channel_close_function = closeArrived
        callbacks.pointee.channel_env_request_function = environmentArrived
        callbacks.pointee.channel_exec_request_function = executeArrived
        callbacks.pointee.channel_shell_request_function = shellArrived
        callbacks.pointee.channel_pty_request_function = terminalArrived
        callbacks.pointee.channel_subsystem_request_function = subsystemArrived
    }

    /// Has the data of a bulk channel taken from under libssh.
    static func takeData(of watched: OpaquePointer, for channel: SSHChannel, _ options: SSHChannelOptions) {
        let user = Unmanaged.passUnretained(channel).toOpaque()
        let step = options.grantsByHand ? UInt32.max : options.extraReceiveWindow / 8
        libssh_shim_channel_take_data(watched, dataWasTaken, user, step)
    }
}

private func channel(_ userData: UnsafeMutableRawPointer?) -> SSHChannel? {
    guard let userData else { return nil }
    return Unmanaged<SSHChannel>.fromOpaque(userData).takeUnretainedValue()
}

/// Data that has been taken from under libssh: see `libssh_shim_channel_take_data`.
private func dataWasTaken(_ data: UnsafeMutableRawPointer?, _ length: UInt32, _ userData: UnsafeMutableRawPointer?) {
    guard let userData, let data else { return }
    Unmanaged<SSHChannel>.fromOpaque(userData)._withUnsafeGuaranteedRef {
        $0.receive(UnsafeMutableRawBufferPointer(start: data, count: Int(length)))
    }
}

/// Always consumes everything: libssh would buffer the rest without a limit, and the extra window counts on it.
private func dataArrived(
    _ session: ssh_session?,
    _ handle: ssh_channel?,
    _ data: UnsafeMutableRawPointer?,
    _ length: UInt32,
    _ isStandardError: Int32,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    if isStandardError == 0 { dataWasTaken(data, length, userData) }
    return Int32(bitPattern: length)
}

private func endArrived(_: ssh_session?, _: ssh_channel?, _ userData: UnsafeMutableRawPointer?) {
    channel(userData)?.peerDidEnd()
}

private func closeArrived(_: ssh_session?, _: ssh_channel?, _ userData: UnsafeMutableRawPointer?) {
    channel(userData)?.peerDidClose()
}

private let granted: Int32 = 0
private let refused: Int32 = 1

private func environmentArrived(
    _: ssh_session?,
    _: ssh_channel?,
    _ name: UnsafePointer<CChar>?,
    _ value: UnsafePointer<CChar>?,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    guard let name, let value, let channel = channel(userData) else { return refused }
    let request = (name: String(cString: name), value: String(cString: value))
    guard request.name.utf8.count <= SSHChannelCallbacks.longestName,
        request.value.utf8.count <= SSHChannelCallbacks.longestValue
    else { return refused }
    return channel.handle(.environment(name: request.name, value: request.value)) ? granted : refused
}

private func executeArrived(
    _: ssh_session?,
    _: ssh_channel?,
    _ command: UnsafePointer<CChar>?,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    guard let command, let channel = channel(userData) else { return refused }
    return channel.handle(.execute(String(cString: command))) ? granted : refused
}

private func shellArrived(_: ssh_session?, _: ssh_channel?, _ userData: UnsafeMutableRawPointer?) -> Int32 {
    channel(userData)?.handle(.shell) == true ? granted : refused
}

private func terminalArrived(
    _: ssh_session?,
    _: ssh_channel?,
    _: UnsafePointer<CChar>?,
    _: Int32,
    _: Int32,
    _: Int32,
    _: Int32,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    channel(userData)?.handle(.terminal) == true ? granted : refused
}

private func subsystemArrived(
    _: ssh_session?,
    _: ssh_channel?,
    _ name: UnsafePointer<CChar>?,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    guard let name, let channel = channel(userData) else { return refused }
    return channel.handle(.subsystem(String(cString: name))) ? granted : refused
}
