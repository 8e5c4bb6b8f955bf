internal import ArgumentParser
internal import Glibc

/// Adds up what processes and all their descendants have used, from `/proc`.
struct UsageProbe: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "usage")

    @Argument(help: "What the line begins with.")
    var label: String

    @Argument var processes: [Int32]

    func run() throws {
        let all = ProcessRecord.all()
        var family: [ProcessRecord] = []
        var next = processes
        while let process = next.popLast() {
            family += all.filter { $0.identifier == process }
            next += all.filter { $0.parent == process }.map(\.identifier)
        }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let seconds = family.reduce(0) { $0 + Double($1.ticks) } / ticks
        let memory = family.reduce(0) { $0 + ProcessRecord.peakResidentKilobytes($1.identifier) }
        ProbeOutput.print(["\(label)-cpu": seconds, "\(label)-peak": Double(memory)])
    }
}

/// One process as `/proc/PID/stat` shows it.
struct ProcessRecord: Equatable {
    let identifier: Int32
    let parent: Int32
    /// Clock ticks in user and in system mode, of all its threads.
    let ticks: UInt64

    /// Reads the line. The second field is a name in brackets that may contain anything, brackets included.
    init?(stat: String) {
        guard let nameEnd = stat.lastIndex(of: ")"), let identifier = Int32(stat.prefix { $0 != " " }) else {
            return nil
        }
        let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
        guard fields.count > 12, let parent = Int32(fields[1]), let user = UInt64(fields[11]),
            let system = UInt64(fields[12])
        else { return nil }
        self.identifier = identifier
        self.parent = parent
        ticks = user + system
    }

    static func all() -> [ProcessRecord] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var records: [ProcessRecord] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard Int32(name) != nil, let record = ProcessRecord(stat: text(of: "/proc/\(name)/stat")) else { continue }
            records.append(record)
        }
        return records
    }

    /// The most memory that the process ever had in RAM; 0 when it is gone.
    static func peakResidentKilobytes(_ process: Int32) -> Int {
        let line = text(of: "/proc/\(process)/status").split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    private static func text(of path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 8_192)
        let count = read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
