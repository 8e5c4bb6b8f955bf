// Big-endian loads and stores, pieces of spans, and the two loops over payload bytes that have to be fast.
//
// The only file of the module that steps outside the language's memory safety. Each `unsafe` here is preceded by its
// bounds check in the same function, or sits in a loop whose bound is the span's own length.

extension RawSpan {
    /// The byte at `offset`. Traps outside the span.
    @inlinable @inline(__always)
    public func byte(at offset: Int) -> UInt8 {
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    }

    /// The big-endian 16-bit integer at `offset`. Traps outside the span.
    @inlinable @inline(__always)
    public func uint16(at offset: Int) -> UInt16 {
        unsafe UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The big-endian 32-bit integer at `offset`. Traps outside the span.
    @inlinable @inline(__always)
    public func uint32(at offset: Int) -> UInt32 {
        unsafe UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The big-endian 64-bit integer at `offset`. Traps outside the span.
    @inlinable @inline(__always)
    public func uint64(at offset: Int) -> UInt64 {
        unsafe UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The big-endian 128-bit integer at `offset`. Traps outside the span.
    @inlinable @inline(__always)
    public func uint128(at offset: Int) -> UInt128 {
        UInt128(uint64(at: offset)) << 64 | UInt128(uint64(at: offset + 8))
    }

    /// The bytes from `offset` to the end. Traps beyond the end.
    @inlinable @_lifetime(copy self)
    public func suffix(from offset: Int) -> RawSpan {
        extracting(offset..<byteCount)
    }

    /// The first `count` bytes. Traps if there are fewer.
    @inlinable @_lifetime(copy self)
    public func prefix(_ count: Int) -> RawSpan {
        extracting(0..<count)
    }

    /// `count` bytes from `offset`. Traps outside the span.
    @inlinable @_lifetime(copy self)
    public func slice(at offset: Int, count: Int) -> RawSpan {
        extracting(offset..<(offset + count))
    }
}

extension MutableRawSpan {
    /// The byte at `offset`. Traps outside the span.
    @inlinable @inline(__always)
    public func byte(at offset: Int) -> UInt8 { bytes.byte(at: offset) }

    /// The big-endian 16-bit integer at `offset`. Traps outside the span.
    @inlinable @inline(__always)
    public func uint16(at offset: Int) -> UInt16 { bytes.uint16(at: offset) }

    /// The big-endian 32-bit integer at `offset`. Traps outside the span.
    @inlinable @inline(__always)
    public func uint32(at offset: Int) -> UInt32 { bytes.uint32(at: offset) }

    /// The big-endian 64-bit integer at `offset`. Traps outside the span.
    @inlinable @inline(__always)
    public func uint64(at offset: Int) -> UInt64 { bytes.uint64(at: offset) }

    /// The big-endian 128-bit integer at `offset`. Traps outside the span.
    @inlinable @inline(__always)
    public func uint128(at offset: Int) -> UInt128 { bytes.uint128(at: offset) }

    /// Writes a byte at `offset`. Traps outside the span.
    @inlinable @inline(__always) @_lifetime(self: copy self)
    public mutating func store(_ value: UInt8, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    /// Writes a 16-bit integer at `offset`, big-endian. Traps outside the span.
    @inlinable @inline(__always) @_lifetime(self: copy self)
    public mutating func store(_ value: UInt16, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    /// Writes a 32-bit integer at `offset`, big-endian. Traps outside the span.
    @inlinable @inline(__always) @_lifetime(self: copy self)
    public mutating func store(_ value: UInt32, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    /// Writes a 64-bit integer at `offset`, big-endian. Traps outside the span.
    @inlinable @inline(__always) @_lifetime(self: copy self)
    public mutating func store(_ value: UInt64, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
    }

    /// Writes a 128-bit integer at `offset`, big-endian. Traps outside the span.
    @inlinable @inline(__always) @_lifetime(self: copy self)
    public mutating func store(_ value: UInt128, at offset: Int) {
        store(UInt64(truncatingIfNeeded: value >> 64), at: offset)
        store(UInt64(truncatingIfNeeded: value), at: offset + 8)
    }

    /// The bytes from `offset` to the end. Traps beyond the end.
    @inlinable @_lifetime(&self)
    public mutating func suffix(from offset: Int) -> MutableRawSpan {
        _mutatingExtracting(offset..<byteCount)
    }

    /// The first `count` bytes. Traps if there are fewer.
    @inlinable @_lifetime(&self)
    public mutating func prefix(_ count: Int) -> MutableRawSpan {
        _mutatingExtracting(0..<count)
    }

    /// `count` bytes from `offset`. Traps outside the span.
    @inlinable @_lifetime(&self)
    public mutating func slice(at offset: Int, count: Int) -> MutableRawSpan {
        _mutatingExtracting(offset..<(offset + count))
    }

    /// Copies all of `source` to `offset`. Traps if it does not fit.
    @inlinable @_lifetime(self: copy self)
    public mutating func copy(from source: RawSpan, at offset: Int) {
        precondition(offset >= 0 && source.byteCount <= byteCount - offset)
        let size = source.byteCount
        guard size > 0 else { return }
        unsafe withUnsafeMutableBytes { target in
            unsafe source.withUnsafeBytes { bytes in
                guard let from = bytes.baseAddress, let base = target.baseAddress else { return }
                unsafe (base + offset).copyMemory(from: from, byteCount: size)
            }
        }
    }
}

extension RawSpan {
    /// The sum of all 32-bit words in machine order; bytes beyond the last whole word count as if zeros followed.
    ///
    /// One's complement sums do not depend on byte order (RFC 1071 §2 B), and 2^16 is 1 modulo 0xffff, so words of any
    /// width may be added and folded once at the end. Two halves per 64-bit load keep every addition free of carries,
    /// which is the form that the compiler turns into vector instructions.
    @inlinable func machineWordSum() -> UInt64 {
        unsafe withUnsafeBytes { bytes in
            var low: UInt64 = 0
            var high: UInt64 = 0
            var offset = 0
            let wide = bytes.count & ~7
            while offset < wide {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                low &+= word & 0xffff_ffff
                high &+= word >> 32
                offset &+= 8
            }
            return unsafe low &+ high &+ Self.tailSum(bytes, from: offset)
        }
    }

    /// The words that a loop over 64-bit loads leaves over: fewer than eight bytes.
    @inlinable static func tailSum(_ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt64 {
        var offset = start
        var sum: UInt64 = 0
        if bytes.count &- offset >= 4 {
            sum &+= unsafe UInt64(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            offset &+= 4
        }
        if bytes.count &- offset >= 2 {
            sum &+= unsafe UInt64(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
            offset &+= 2
        }
        if bytes.count &- offset >= 1 {
            let last = unsafe UInt16(bytes.load(fromByteOffset: offset, as: UInt8.self))
            sum &+= UInt64(UInt16(littleEndian: last))
        }
        return sum
    }
}

extension MutableRawSpan {
    /// Copies all of `source`, which must not overlap, to `offset`, and returns what `InternetChecksum.sum` says of it.
    @_lifetime(self: copy self)
    mutating func copyAndSum(from source: RawSpan, at offset: Int) -> UInt64 {
        precondition(offset >= 0 && source.byteCount <= byteCount - offset)
        let sum = unsafe withUnsafeMutableBytes { target in
            unsafe source.withUnsafeBytes { bytes in
                guard let from = bytes.baseAddress, let base = target.baseAddress else { return 0 as UInt64 }
                let to = unsafe base + offset
                var low: UInt64 = 0
                var high: UInt64 = 0
                var position = 0
                let wide = bytes.count & ~7
                while position < wide {
                    let word = unsafe from.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                    unsafe to.storeBytes(of: word, toByteOffset: position, as: UInt64.self)
                    low &+= word & 0xffff_ffff
                    high &+= word >> 32
                    position &+= 8
                }
                if wide == bytes.count { return low &+ high }
                unsafe (to + wide).copyMemory(from: from + wide, byteCount: bytes.count - wide)
                return unsafe low &+ high &+ RawSpan.tailSum(bytes, from: wide)
            }
        }
        return UInt64(UInt16(bigEndian: InternetChecksum.fold(sum)))
    }
}
