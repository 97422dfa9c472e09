/// What a template may say, by name. The order is part of the shape: mails of one kind name the same things in the same
/// order, and only their texts differ.
struct TemplateValues: Sendable, ExpressibleByDictionaryLiteral {
    enum Value: Sendable {
        case text(String)
        case number(Int)
        /// Something that is so; what is not so has no name.
        case flag
        case lines([String])
        case list([TemplateValues])
    }

    private var members: [(name: String, value: Value)]

    init(dictionaryLiteral members: (String, Value)...) {
        self.members = members.map { (name: $0.0, value: $0.1) }
    }

    /// Names a value; nil is not said at all. A name is given once.
    mutating func say(_ name: String, _ value: Value?) {
        if let value { members.append((name, value)) }
    }

    mutating func say(_ name: String, _ text: String?) {
        if let text { members.append((name, .text(text))) }
    }

    mutating func say(_ name: String, _ isSo: Bool) {
        if isSo { members.append((name, .flag)) }
    }

    /// What mustache reads.
    ///
    /// - Parameter replace: gives what stands for a text or a number, in the order in which `describe` takes them.
    func dictionary(_ replace: (Any) -> Any = { $0 }) -> [String: Any] {
        var dictionary: [String: Any] = [:]
        for (name, value) in members {
            switch value {
            case .text(let text): dictionary[name] = replace(text)
            case .number(let number): dictionary[name] = replace(number)
            case .flag: dictionary[name] = true
            case .lines(let lines): dictionary[name] = lines.map(replace)
            case .list(let elements): dictionary[name] = elements.map { $0.dictionary(replace) }
            }
        }
        return dictionary
    }

    /// Takes apart what is the same in all mails of a shape (names, kinds of value, numbers of elements) and what is not.
    func describe(shape: inout [UInt8], texts: inout [String]) {
        func count(_ number: Int) {
            for shift in [0, 8, 16, 24] { shape.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        for (name, value) in members {
            shape.append(contentsOf: name.utf8)
            switch value {
            case .text(let text):
                shape.append(1)
                texts.append(text)
            case .number(let number):
                shape.append(1)
                texts.append(String(number))
            case .flag: shape.append(2)
            case .lines(let lines):
                shape.append(3)
                count(lines.count)
                texts.append(contentsOf: lines)
            case .list(let elements):
                shape.append(4)
                count(elements.count)
                for element in elements {
                    element.describe(shape: &shape, texts: &texts)
                    shape.append(5)
                }
            }
        }
    }
}
