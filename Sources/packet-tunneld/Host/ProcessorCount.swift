internal import Glibc

/// How many event loops suit this machine.
enum ProcessorCount {
    /// Processors that this process may run on.
    static var available: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
