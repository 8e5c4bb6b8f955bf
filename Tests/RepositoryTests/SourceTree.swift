import Foundation

/// The files of this repository that people edit: no builds, no corpora, nothing of git's.
enum SourceTree {
    /// The directory of Package.swift.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static let parts = ["Sources", "Tests", "Examples", "ssh-config"]

    /// The paths of all files, from the root.
    static let paths: [String] = parts.flatMap { part in
        let folder = root.appending(path: part)
        let files = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return files.filter { path in
            let names = path.split(separator: "/")
            var isDirectory: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: folder.path + "/" + path, isDirectory: &isDirectory)
            return exists && !isDirectory.boolValue && !names.contains("Corpus")
                && !names.contains { $0.hasPrefix(".") }
        }.map { "\(part)/\($0)" }
    }

    /// Every Swift file with its text.
    static let swiftFiles: [SourceFile] = paths.filter { $0.hasSuffix(".swift") }.compactMap { path in
        guard let text = try? text(path) else { return nil }
        return SourceFile(path: path, text: text)
    }

    /// The text of one file, by its path from the root.
    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
