/// Reads whole decimal numbers; signs, blanks and other digits than 0 to 9 are none.
///
/// - Returns: nil for anything else, and for a number that `type` cannot hold.
public func wholeNumber<Number: FixedWidthInteger>(
    _ text: some StringProtocol,
    as type: Number.Type = Number.self
) -> Number? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
        return nil
    }
    return Number(text)
}
