extension DaemonConfiguration {
    /// The configuration as the lines of a file that is read back to an equal one, in the order of the manual.
    public var text: String {
        KeywordTable.keywords.flatMap { row in row.values(self).map { "\(row.name) \($0)\n" } }.joined()
    }

    /// A configuration file with every keyword, its meaning and its default, all commented out.
    ///
    /// As in the stock sshd_config, `#Keyword` is a setting and `# text` is a remark. `ssh-config/packet-tunneld.conf` is this text.
    public static var example: String {
        var text = """
            # The configuration of packet-tunneld, in the manner of sshd_config: a keyword and its value on each line, in any
            # case. The first line with a keyword counts; those that may repeat add up. Settings that are commented out show
            # the default, or an example where there is none. Check a change with: packet-tunneld -t -f FILE

            # Further files, in the order of their names; relative names lie beside this file.
            #Include packet-tunneld.conf.d/*.conf

            """
        for chapter in ConfigurationKeyword.Chapter.allCases {
            text += "\n# ---- \(chapter.rawValue) ----\n"
            for row in KeywordTable.keywords where row.chapter == chapter { text += entry(row) }
        }
        return text
    }

    private static func entry(_ row: ConfigurationKeyword) -> String {
        var remark = row.help
        if row.repeats { remark += " May repeat." }
        if row.example != nil { remark += " Default: \(row.defaultText). For example:" }
        let lines = wrapped(remark, width: 118).map { "# \($0)\n" }.joined()
        return "\n\(lines)#\(row.name) \(row.example ?? row.defaultText)\n"
    }

    /// Lines of at most a number of characters, broken at blanks.
    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] += " \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
