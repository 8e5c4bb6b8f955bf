import CPeerPackets

/// Any messages for the packet filter in front of the SSH library: nothing is read beyond them, and what is kept has bounds.
func fuzzSSHPackets(_ input: Input) -> Int32 {
    var input = input
    let receiver = packet_receiver_new(input.byte() & 1 != 0)
    defer { packet_receiver_free(receiver) }
    while !input.bytes.isEmpty {
        let number = 20 + input.byte() % 101
        let bytes = input.take(input.number() % 700)
        if let problem = packet_receiver_take(receiver, number, bytes, bytes.count) {
            check(false, "message \(number): \(String(cString: problem))")
        }
    }
    return 0
}
