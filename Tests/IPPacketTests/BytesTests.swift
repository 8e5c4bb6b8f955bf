import IPPacket
import Testing

@Suite struct BytesTests {
    @Test("loads and stores big-endian at any offset")
    func bigEndian() {
        for offset in 0..<9 {
            var bytes = [UInt8](repeating: 0, count: 32)
            edit(&bytes) { $0.store(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10 as UInt128, at: offset) }
            #expect(Array(bytes[offset..<(offset + 16)]) == Array(1...16))
            let copy = bytes
            let span = copy.span.bytes
            let loads = (
                span.byte(at: offset), span.uint16(at: offset), span.uint32(at: offset), span.uint64(at: offset),
                span.uint128(at: offset)
            )
            #expect(
                loads == (0x01, 0x0102, 0x0102_0304, 0x0102_0304_0506_0708, 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)
            )
            let same = edit(&bytes) { span in
                (
                    span.byte(at: offset), span.uint16(at: offset), span.uint32(at: offset), span.uint64(at: offset),
                    span.uint128(at: offset)
                )
            }
            #expect(loads == same)
        }
        var bytes = [UInt8](repeating: 0, count: 15)
        edit(&bytes) { span in
            span.store(0x01 as UInt8, at: 0)
            span.store(0x0203 as UInt16, at: 1)
            span.store(0x0405_0607 as UInt32, at: 3)
            span.store(0x0809_0a0b_0c0d_0e0f as UInt64, at: 7)
        }
        #expect(bytes == Array(1...15))
    }

    @Test("copies to an offset, also from nowhere and up to the end")
    func copies() {
        var bytes = [UInt8](repeating: 0, count: 6)
        let source: [UInt8] = [1, 2, 3]
        edit(&bytes) { span in
            span.copy(from: source.span.bytes, at: 3)
            span.copy(from: RawSpan(), at: 6)
            var middle = span.slice(at: 1, count: 2)
            middle.copy(from: source.span.bytes.prefix(2), at: 0)
            var end = span.suffix(from: 5)
            end.store(9 as UInt8, at: 0)
            var start = span.prefix(1)
            start.copy(from: source.span.bytes.suffix(from: 2), at: 0)
        }
        #expect(bytes == [3, 1, 2, 1, 2, 9])
    }

    @Test("traps on a load across the end")
    func loadTraps() async {
        await #expect(processExitsWith: .failure) {
            let bytes: [UInt8] = [1, 2, 3]
            print(bytes.span.bytes.uint32(at: 0))
        }
        await #expect(processExitsWith: .failure) {
            let bytes: [UInt8] = [1, 2, 3]
            print(bytes.span.bytes.uint16(at: -1))
        }
    }

    @Test("traps on a store or a copy across the end")
    func storeTraps() async {
        await #expect(processExitsWith: .failure) {
            var bytes = [UInt8](repeating: 0, count: 16)
            edit(&bytes) { $0.store(1 as UInt128, at: 1) }
        }
        await #expect(processExitsWith: .failure) {
            var bytes = [UInt8](repeating: 0, count: 16)
            let source: [UInt8] = [1, 2]
            edit(&bytes) { $0.copy(from: source.span.bytes, at: 15) }
        }
    }
}
