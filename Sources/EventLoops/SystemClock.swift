internal import Glibc

/// The kernel's clocks, in nanoseconds. From any thread.
public enum SystemClock {
    /// Time that nobody sets, and that stands still while the host sleeps.
    public static var monotonic: UInt64 { read(CLOCK_MONOTONIC) }

    /// `monotonic` in whole milliseconds, as `poll(2)` counts.
    public static var milliseconds: Int { Int(monotonic / 1_000_000) }

    /// The time of day: the one clock that processes can compare their notes by.
    public static var real: UInt64 { read(CLOCK_REALTIME) }

    /// What this thread has had of the processor, whatever others had meanwhile.
    public static var thread: UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

    /// What this process has had of the processors.
    public static var process: UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    /// Waits until `monotonic` shows `deadline`.
    public static func sleep(until deadline: UInt64) {
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
