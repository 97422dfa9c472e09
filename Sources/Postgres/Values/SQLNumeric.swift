/// `numeric` as it comes in binary: groups of four decimal digits, the weight of the first, a sign and a scale.
/// sum(bigint) and avg give it, so it has to be readable as an Int, a Double or its text.
struct SQLNumeric: CustomStringConvertible {
    private let groups: [Int]
    private let weight: Int
    private let isNegative: Bool
    private let scale: Int
    private let isNaN: Bool

    init?(_ cell: SQLCell) {
        guard cell.type == .numeric, let count = cell.integer(at: 0, as: Int16.self), count >= 0,
            let weight = cell.integer(at: 2, as: Int16.self), let sign = cell.integer(at: 4, as: UInt16.self),
            let scale = cell.integer(at: 6, as: Int16.self), cell.bytes.count >= 8 + 2 * Int(count)
        else { return nil }
        var groups: [Int] = []
        for index in 0..<Int(count) {
            guard let group = cell.integer(at: 8 + 2 * index, as: Int16.self) else { return nil }
            groups.append(Int(group))
        }
        // 0xC000 is NaN, 0xD000 and 0xF000 the infinities.
        guard sign == 0 || sign == 0x4000 || sign == 0xC000 else { return nil }
        self.groups = groups
        self.weight = Int(weight)
        self.isNegative = sign == 0x4000
        self.isNaN = sign == 0xC000
        self.scale = Int(scale)
    }

    /// Nil when there is a fraction other than zero, or it does not fit.
    var integer: Int? {
        guard !isNaN else { return nil }
        var value = 0
        for (index, group) in groups.enumerated() where index > weight && group != 0 { return nil }
        guard weight >= 0 else { return groups.allSatisfy { $0 == 0 } ? 0 : nil }
        for index in 0...weight {
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10_000)
            let (sum, carried) = shifted.subtractingReportingOverflow(index < groups.count ? groups[index] : 0)
            guard !overflow, !carried else { return nil }
            value = sum
        }
        if isNegative { return value }
        return value == Int.min ? nil : -value
    }

    var description: String {
        guard !isNaN else { return "NaN" }
        var whole = ""
        if weight >= 0 {
            for index in 0...weight {
                let digits = String(index < groups.count ? groups[index] : 0)
                whole += whole.isEmpty ? digits : String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        var text = (isNegative ? "-" : "") + (whole.isEmpty ? "0" : whole)
        guard scale > 0 else { return text }
        var fraction = ""
        var index = weight + 1
        while fraction.count < scale {
            let group = index >= 0 && index < groups.count ? groups[index] : 0
            let digits = String(group)
            fraction += String(repeating: "0", count: 4 - digits.count) + digits
            index += 1
        }
        text += "." + fraction.prefix(scale)
        return text
    }
}
