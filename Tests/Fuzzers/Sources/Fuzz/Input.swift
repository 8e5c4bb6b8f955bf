/// The bytes that one call of a fuzz target is given: some of them steer, the rest is what a peer might send.
struct Input {
    private(set) var bytes: ArraySlice<UInt8>

    init(_ data: UnsafePointer<UInt8>?, _ count: Int) {
        bytes = Array(UnsafeBufferPointer(start: data, count: count))[...]
    }

    /// The next byte, or 0 at the end.
    mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    /// The next two bytes as one number.
    mutating func number() -> Int { Int(byte()) << 8 | Int(byte()) }

    /// The next bytes, or what is left.
    mutating func take(_ count: Int) -> [UInt8] {
        defer { bytes = bytes.dropFirst(count) }
        return Array(bytes.prefix(count))
    }

    /// All that is left.
    mutating func rest() -> [UInt8] { take(bytes.count) }

    /// All that is left as a text, with replacement characters for what is no UTF-8.
    mutating func text() -> String { String(decoding: rest(), as: UTF8.self) }
}

/// Lets the sanitizer see every read beyond the end: the bytes in memory of exactly their length.
func withExactMemory<Value>(_ bytes: [UInt8], _ body: (UnsafeMutableRawBufferPointer) throws -> Value) rethrows -> Value
{
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { memory.deallocate() }
    memory.copyBytes(from: bytes)
    return try body(memory)
}

/// Ends the program when something does not hold, which is what the fuzzer looks for.
func check(_ holds: Bool, _ text: @autoclosure () -> String, line: Int = #line) {
    if !holds { fatalError("line \(line): \(text())") }
}
