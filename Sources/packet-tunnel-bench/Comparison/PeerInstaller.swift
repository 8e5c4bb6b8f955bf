internal import Foundation

/// Finds out which peers can run here, and fetches the others when asked to.
struct PeerInstaller {
    let lab: Lab
    /// Whether missing packages are installed.
    let installs: Bool

    /// The peers that can run.
    ///
    /// - Parameter remark: takes a sentence about each of the others.
    func present(_ peers: [Peer], remark: (String) -> Void) throws -> [Peer] {
        var missing = try lacking(peers)
        let packages = Set(missing.values.joined())
        if installs, !packages.isEmpty {
            try install(packages.sorted())
            missing = try lacking(peers)
        }
        for peer in peers {
            guard let packages = missing[peer] else { continue }
            let line =
                "\(peer.rawValue) is left out: \(packages.joined(separator: " ")) is not installed"
                + (installs ? "" : " (--install-peers does that)")
            TunnelsCommand.say(line)
            remark(line)
        }
        return peers.filter { missing[$0] == nil }
    }

    private func lacking(_ peers: [Peer]) throws -> [Peer: [String]] {
        var missing: [Peer: [String]] = [:]
        for peer in peers {
            let packages = try lab.tell("missing", peer.rawValue).split(separator: "\n").map(String.init)
            if !packages.isEmpty { missing[peer] = packages }
        }
        return missing
    }

    private func install(_ packages: [String]) throws {
        let words = [
            "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "--no-install-recommends", "install",
        ]
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = (geteuid() == 0 ? [] : ["sudo"]) + words + packages
        process.standardOutput = FileHandle.standardError
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 {
            TunnelsCommand.say("apt-get could not install all of \(packages.joined(separator: " "))")
        }
    }
}
