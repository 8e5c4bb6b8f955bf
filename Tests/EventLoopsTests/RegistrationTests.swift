import EventLoops
import Glibc
import Testing

@Suite("Registrations", .timeLimit(.minutes(5)))
struct RegistrationTests {
    @Test("are called while bytes wait, also for those left over")
    func areLevelTriggered() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let pair = try SocketPair()
        let (stream, continuation) = AsyncStream.makeStream(of: DescriptorEvents.self)
        // One byte at each call, though three lie there.
        let handler = Handler { events in if pair.takeByte() { continuation.yield(events) } }
        #expect(await loop.run { handler.start(pair.near, .readable, on: loop) })
        for _ in 0..<3 { pair.sendByte() }
        var iterator = stream.makeAsyncIterator()
        for _ in 0..<3 { #expect(await iterator.next() == .readable) }
        await loop.run { handler.registration?.cancel() }
    }

    @Test("hear of what they are interested in now, and of nothing else")
    func followTheirInterest() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let pair = try SocketPair()
        let (stream, continuation) = AsyncStream.makeStream(of: DescriptorEvents.self)
        let handler = Handler()
        let start = await loop.run {
            handler.action = { events in
                continuation.yield(events)
                handler.registration?.setInterest([])
            }
            return handler.start(pair.near, [], on: loop)
        }
        #expect(start)
        pair.sendByte()
        await loop.settle()

        var iterator = stream.makeAsyncIterator()
        await loop.run { handler.registration?.setInterest(.writable) }
        #expect(await iterator.next() == .writable)
        await loop.run { handler.registration?.setInterest(.readable) }
        #expect(await iterator.next() == .readable)
        await loop.run { handler.registration?.setInterest([.readable, .writable]) }
        #expect(await iterator.next() == [.readable, .writable])
        await loop.run {
            handler.registration?.cancel()
            continuation.finish()
        }
        #expect(await iterator.next() == nil)
    }

    @Test("hear that the other side has closed, whatever their interest")
    func hearOfTheEnd() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let pair = try SocketPair()
        let (stream, continuation) = AsyncStream.makeStream(of: DescriptorEvents.self)
        let handler = Handler()
        let start = await loop.run {
            handler.action = { events in
                continuation.yield(events)
                handler.registration?.cancel()
            }
            return handler.start(pair.near, [], on: loop)
        }
        #expect(start)
        shutdown(pair.far, Int32(SHUT_RDWR))
        var iterator = stream.makeAsyncIterator()
        let events = await iterator.next()
        #expect(events.map { !$0.isDisjoint(with: .ended) } == true)
    }

    @Test("are called again with no events in the next turn, once for any number of calls")
    func areCalledAgain() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let pair = try SocketPair()
        let journal = Journal()
        let handler = Handler()
        let start = await loop.run {
            handler.action = { journal.add($0.isEmpty ? "again" : "ready") }
            return handler.start(pair.near, [], on: loop)
        }
        #expect(start)
        await loop.run {
            handler.registration?.callAgain()
            handler.registration?.callAgain()
            journal.add("posted")
        }
        await loop.settle()
        #expect(journal.all == ["posted", "again"])
        await loop.run { handler.registration?.cancel() }
    }

    @Test("that call themselves again let others have their turn")
    func areFair() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let busyPair = try SocketPair()
        let otherPair = try SocketPair()
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let busy = Handler()
        let other = Handler { _ in if otherPair.takeByte() { continuation.yield() } }
        let start = await loop.run {
            busy.action = { _ in busy.registration?.callAgain() }
            let isStarted = busy.start(busyPair.near, [], on: loop)
            busy.registration?.callAgain()
            return isStarted && other.start(otherPair.near, .readable, on: loop)
        }
        #expect(start)
        var iterator = stream.makeAsyncIterator()
        for _ in 0..<10 {
            otherPair.sendByte()
            await iterator.next()
        }
        await loop.run {
            busy.registration?.cancel()
            other.registration?.cancel()
        }
    }

    @Test("are not called after they were cancelled, not even in the same turn")
    func staySilentAfterCancel() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let pairs = [try SocketPair(), try SocketPair()]
        let journal = Journal()
        let handlers = [Handler(), Handler()]
        let start = await loop.run {
            for (index, handler) in handlers.enumerated() {
                handler.action = { _ in
                    journal.add("\(index)")
                    for other in handlers { other.registration?.cancel() }
                }
            }
            // Both become ready while the loop is busy here, so that one wait reports both.
            let isStarted = zip(handlers, pairs).allSatisfy { $0.start($1.near, .readable, on: loop) }
            for pair in pairs { pair.sendByte() }
            for handler in handlers { handler.registration?.callAgain() }
            return isStarted
        }
        #expect(start)
        await loop.settle()
        #expect(journal.all.count == 1)
    }

    @Test("do not keep their handler alive")
    func holdHandlerWeakly() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let pair = try SocketPair()
        let journal = Journal()
        let isGone = await loop.run {
            var handler: Handler? = Handler { _ in journal.add("called") }
            weak let weakHandler = handler
            let registration = try? loop.register(pair.near, interest: .readable, handler: handler ?? Handler())
            handler = nil
            registration?.callAgain()
            pair.sendByte()
            return weakHandler == nil
        }
        #expect(isGone)
        await loop.settle()
        #expect(journal.all == [])
    }

    @Test("of a closed descriptor leave alone the file that has got its number")
    func toleratesReusedNumber() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let pair = try SocketPair()
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        let old = Handler { _ in continuation.yield("old") }
        let new = Handler { _ in if pair.takeByte() { continuation.yield("new") } }
        let other = try SocketPair()
        let start = await loop.run {
            // One that no test beside this one is given as the lowest free number, while it is free.
            let number = fcntl(other.near, F_DUPFD, 900)
            let isStarted = old.start(number, .readable, on: loop)
            // The number now means another file, as if somebody had closed it and another call had got it.
            close(number)
            let reused = dup2(pair.near, number) == number && new.start(number, .readable, on: loop)
            old.registration?.cancel(descriptorIsClosed: true)
            old.registration?.cancel()
            return isStarted && reused
        }
        #expect(start)
        pair.sendByte()
        var iterator = stream.makeAsyncIterator()
        #expect(await iterator.next() == "new")
        await loop.run { new.registration?.cancel() }
    }

    @Test("are refused for what is no descriptor")
    func refusesBadDescriptor() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let text = await loop.run {
            do {
                _ = try loop.register(-1, interest: .readable, handler: Handler())
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(text == "epoll_ctl: Bad file descriptor")
    }
}
