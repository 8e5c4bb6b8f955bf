import SSHTransport

/// Any bytes behind a channel open of `tun@openssh.com`: two words, layer 3 and a possible unit, or a reason.
func fuzzTunnelRequest(_ input: Input) -> Int32 {
    var input = input
    let payload = input.rest()
    switch OpenSSHTunnelRequest.parse(payload) {
    case .success(let unit):
        let words = [1, unit].flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
        check(payload == words, "exactly the two words")
        check(unit <= 0x7fff_fffd || unit == OpenSSHTunnelRequest.anyUnit, "a unit that exists")
        let isNameless = OpenSSHTunnelRequest.sessionName(unit).isEmpty
        check(isNameless == (unit == OpenSSHTunnelRequest.anyUnit), "a name for each unit")
    case .failure(let problem): check(!problem.description.isEmpty, "a reason")
    }
    return 0
}
