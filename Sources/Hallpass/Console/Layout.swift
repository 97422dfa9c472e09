import Foundation

extension Console {
    /// A table whose columns are as wide as they must be. On a terminal that is too narrow the widest columns but the first,
    /// which is what a person copies, are cut; where that would leave too little, each row is told by itself.
    func say(table rows: [[String]], header: [String]) {
        for line in Self.lines(table: rows, header: header, width: Terminal.width(of: STDOUT_FILENO)) { say(line) }
    }

    static func lines(table rows: [[String]], header: [String], width: Int?) -> [String] {
        let all = [header] + rows
        var widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        if let width {
            let least = 20
            while widths.reduce(2 * (widths.count - 1), +) > width {
                guard let widest = widths.indices.dropFirst().max(by: { widths[$0] < widths[$1] }),
                    widths[widest] > least
                else { return records(rows, header, width) }
                widths[widest] -= 1
            }
        }
        return all.map { row in
            zip(row, widths).map { cell, width in
                cell.count > width
                    ? cell.prefix(width - 1) + "…" : cell + String(repeating: " ", count: width - cell.count)
            }.joined(separator: "  ").trimmingSuffix { $0 == " " }
        }
    }

    /// The first cell on a line of its own, the others below it, each behind its column's name.
    private static func records(_ rows: [[String]], _ header: [String], _ width: Int) -> [String] {
        let indent = 4 + (header.dropFirst().map(\.count).max() ?? 0)
        let records = rows.map { row in
            [row[0]]
                + zip(header, row).dropFirst().filter { !$0.1.isEmpty }.flatMap { name, cell in
                    let beginning = "  \(name)".padding(toLength: indent, withPad: " ", startingAt: 0)
                    return lines(wrapping: beginning, width: indent, cell, columns: width)
                }
        }
        return Array(records.joined(separator: [""]))
    }

    /// Text behind a beginning, broken between words where the terminal ends; what follows is indented by `width`.
    func say(wrapping beginning: String, width: Int, _ text: String) {
        let columns = Terminal.width(of: STDOUT_FILENO)
        say(Self.lines(wrapping: beginning, width: width, text, columns: columns).joined(separator: "\n"))
    }

    /// - Parameters:
    ///   - width: the columns that the beginning takes.
    ///   - columns: the terminal's; nil does not break the text. One too narrow for both has the text below the beginning.
    static func lines(wrapping beginning: String, width: Int, _ text: String, columns: Int?) -> [String] {
        guard let columns else { return [beginning + text] }
        let isBelow = columns < width + 16
        let indent = isBelow ? 2 : width
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if !line.isEmpty, line.count + word.count + 1 > columns - indent {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? "\(word)" : " \(word)"
        }
        lines.append(line)
        let indented = lines.map { String(repeating: " ", count: indent) + $0 }
        guard isBelow else { return [beginning + lines[0]] + indented.dropFirst() }
        let first = beginning.trimmingSuffix { $0 == " " }
        return first.isEmpty ? indented : [first] + indented
    }
}

extension String {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
        var text = Substring(self)
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return String(text)
    }
}
