import Testing

@testable import SSHTransport

@Suite("Send buffer of a long path")
struct SendBufferGrowthTests {
    private static let limit = 4 << 20

    @Test("the buffer grows beyond the kernel's limit once the kernel has stopped, and the window needs it")
    func growth() {
        var growth = SendBufferGrowth()
        #expect(growth.next(current: 1 << 20, window: 1 << 20) == nil, "the kernel lets it grow by itself")
        #expect(growth.next(current: Self.limit, window: 2 << 20) == nil)
        #expect(growth.next(current: Self.limit, window: 1 << 20) == nil, "it has enough")
        #expect(growth.next(current: Self.limit, window: 2 << 20) == 12 << 20)
    }

    @Test("a window of any size makes no buffer beyond 32 MiB")
    func bound() {
        var growth = SendBufferGrowth()
        #expect(growth.next(current: Self.limit, window: 0) == nil)
        #expect(growth.next(current: Self.limit, window: 1 << 40) == SendBufferGrowth.greatest)
        #expect(growth.next(current: SendBufferGrowth.greatest, window: 1 << 40) == nil)
        #expect(growth.next(current: SendBufferGrowth.greatest, window: 1 << 40) == nil)
    }
}
