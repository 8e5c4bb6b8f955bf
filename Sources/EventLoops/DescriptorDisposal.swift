internal import Dispatch
internal import Glibc
internal import Synchronization

/// Closes descriptors that come from others, on a thread where nobody waits. From any thread.
///
/// A close may take as long as somebody likes: that of a file on a hostile file system, of a TCP socket that lingers
/// (`SO_LINGER`), and of a UNIX socket in whose queue such descriptors wait.
public enum DescriptorDisposal {
    private static let queue = DispatchQueue(label: "descriptor-disposal")
    private static let waiting = Atomic<Int>(0)

    /// Descriptors that are still to be closed. While there are many of them, somebody means harm.
    public static var backlog: Int { waiting.load(ordering: .relaxed) }

    /// Closes `descriptor` soon.
    public static func close(_ descriptor: Int32) {
        waiting.wrappingAdd(1, ordering: .relaxed)
        queue.async {
            Glibc.close(descriptor)
            waiting.wrappingSubtract(1, ordering: .relaxed)
        }
    }
}
