import OpenSSHSyntax
import Testing

@testable import TunnelConfiguration

@Suite struct DeniedNetworksTests {
    @Test(
        "denied networks are none, the default, an extended default, or a list of their own",
        arguments: ["none", "default", "default,192.0.2.0/24,2001:db8::/32", "198.51.100.7/32"]
    )
    func deniedNetworks(text: String) throws {
        #expect(try DeniedNetworks(parsing: text).description == text)
    }

    @Test("an address without length stands for itself alone, in both families")
    func addressAsPrefix() throws {
        #expect(try DeniedNetworks(parsing: "192.0.2.1,2001:db8::1").description == "192.0.2.1/32,2001:db8::1/128")
    }

    @Test(
        "what is no list of networks is refused",
        arguments: [
            "", "none,default", "192.0.2.0/24,default", "192.0.2.0/33", "default,", "192.0.2.1/24", "2001:db8::1/32",
            "x",
        ]
    )
    func badDeniedNetworks(text: String) {
        #expect(throws: ValueProblem.self) { try DeniedNetworks(parsing: text) }
    }
}
