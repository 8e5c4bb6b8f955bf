internal import Glibc

/// Standard input, output and error of a program.
public enum StandardStreams {
    /// Opens /dev/null in the place of those that the program was started without: a socket, or the device, would take their
    /// numbers, and messages would be written into it. Before anything else is opened.
    public static func fill() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is the missing one.
            _ = open("/dev/null", O_RDWR)
        }
    }
}
