internal import IPPacket
internal import Synchronization

/// Packets of sessions that have no client at hand.
extension SessionTable {
    /// The destination of a packet whose session has no client on the loop that read it.
    enum Whereabouts {
        case notLeased
        /// To the loop of this client.
        case client(ServerClient)
        /// It waits for the next client.
        case parked
        /// There is no room for it to wait.
        case nowhere
    }

    /// Finds out where a packet for `index` goes; keeps it if that is to wait.
    ///
    /// - Parameter worker: the one that asks. If the client is its own but has not taken its session over yet, the packet waits.
    func route(_ packet: () -> ParkedPackets.Packet, index: UInt32, from worker: ServerWorker) -> Whereabouts {
        state.withLock { state in
            guard let identity = state.identities[index], let entry = state.entries[identity] else { return .notLeased }
            if let client = entry.client, client.worker !== worker { return .client(client) }
            return Self.park([packet()], of: identity, in: &state) ? .parked : .nowhere
        }
    }

    /// Keeps packets that a client leaves unsent.
    func park(_ packets: [ParkedPackets.Packet], of identity: SessionIdentity) {
        state.withLock { _ = Self.park(packets, of: identity, in: &$0) }
    }

    /// Takes out what waits for the client of a session.
    func takeParked(_ identity: SessionIdentity) -> [ParkedPackets.Packet] {
        state.withLock { state in
            guard let parked = state.entries[identity]?.parked else { return [] }
            state.entries[identity]?.parked = ParkedPackets()
            state.parkedByteCount -= parked.byteCount
            return parked.packets
        }
    }

    private static func park(
        _ packets: [ParkedPackets.Packet],
        of identity: SessionIdentity,
        in state: inout State
    ) -> Bool {
        guard var entry = state.entries[identity], state.parkedByteCount < ParkedPackets.totalLimit else {
            return false
        }
        let before = entry.parked.byteCount
        // The table gives its reference up meanwhile; with two references, each added packet would copy all the others.
        state.entries[identity]?.parked = ParkedPackets()
        var dropped = 0
        for packet in packets { dropped += entry.parked.add(packet) }
        state.parkedByteCount += entry.parked.byteCount - before
        // With a client, the counters belong to its loop.
        if entry.client == nil, dropped > 0 { entry.session.counters.refuse(.downstream, .noClient, count: dropped) }
        state.entries[identity] = entry
        return true
    }
}
