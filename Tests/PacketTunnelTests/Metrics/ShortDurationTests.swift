import PacketTunnel
import Testing

@Suite("Durations in log lines")
struct ShortDurationTests {
    @Test(
        "are short, and rounded to what is shown",
        arguments: [
            (.zero, "0ms"), (.milliseconds(-5), "0ms"), (.microseconds(350_400), "350ms"),
            (.microseconds(999_600), "1s"),
            (.milliseconds(1_249), "1.2s"), (.milliseconds(1_250), "1.3s"), (.seconds(45), "45s"),
            (.milliseconds(59_960), "1m"), (.seconds(125), "2m5s"), (.seconds(3_600), "1h"),
            (.seconds(12_000), "3h20m"),
        ] as [(Duration, String)]
    )
    func text(_ duration: Duration, _ text: String) {
        #expect("\(ShortDuration(duration))" == text)
    }
}
