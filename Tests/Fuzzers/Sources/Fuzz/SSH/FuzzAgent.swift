@testable import SSHTransport

/// Any bytes as an agent's list of keys: it is taken as a whole, in its order, or not at all.
func fuzzAgent(_ input: Input) -> Int32 {
    var input = input
    let answer = input.rest()
    let identities = withExactMemory(answer) { SSHAgent.parse(Array($0)) }
    guard let identities else { return 0 }
    check(answer.first == 12 && identities.count <= 2_048, "a list with a bound")
    var reader = WireReader(answer.dropFirst())
    check(reader.takeUInt32() == UInt32(identities.count), "as many as it says")
    for identity in identities {
        check(reader.takeString().map(Array.init) == identity.blob, "its key")
        check(reader.takeString().map { String(decoding: $0, as: UTF8.self) } == identity.comment, "its comment")
    }
    return 0
}
