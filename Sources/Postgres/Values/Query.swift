/// A statement with a name. The name goes to logs and metrics; the text is what it is prepared by, once a connection.
public struct Query: Sendable {
    /// For people: `"request by id"`. Never holds data.
    public let name: StaticString
    public var sql: SQL
    /// A read whose best plan depends on the values: filters that match hardly anything or nearly everything. It is
    /// prepared as the others are, and planned each time for what is bound.
    public var isPlannedEachTime: Bool
    /// A read that is always quick, a look-up by key: those are sent down one connection together, behind nothing slower.
    public var isQuick: Bool

    public init(_ name: StaticString, _ sql: SQL, isPlannedEachTime: Bool = false, isQuick: Bool = false) {
        self.name = name
        self.sql = sql
        self.isPlannedEachTime = isPlannedEachTime
        self.isQuick = isQuick
    }
}

/// A `StaticString` by its address, so that counting by name costs no hashing of text.
struct StatementName: Hashable {
    let string: StaticString

    init(_ string: StaticString) {
        self.string = string
    }

    static func == (left: StatementName, right: StatementName) -> Bool {
        left.address == right.address
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(address)
    }

    private var address: UInt {
        string.hasPointerRepresentation
            ? UInt(bitPattern: string.utf8Start) : UInt(string.unicodeScalar.value)
    }
}
