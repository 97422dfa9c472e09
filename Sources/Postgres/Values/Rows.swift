internal import CLibpq

/// The rows a statement gave, still in libpq's memory; a cell is decoded when it is asked for.
public struct Rows: RandomAccessCollection, Sendable {
    let result: ResultHandle

    init(_ result: ResultHandle) {
        self.result = result
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { result.rowCount }

    public subscript(index: Int) -> Row {
        precondition(index >= 0 && index < result.rowCount, "a row that is not there")
        return Row(result: result, index: index)
    }

    /// Rows inserted, updated, deleted or selected, as the server says in the command's tag.
    public var affected: Int { result.affected }

    /// The columns' names in order.
    public var columns: [String] { result.columns.names }

    /// Where a column stands; nil when there is none of that name. Ask once a result, not once a row.
    public func column(_ name: String) -> Int? { result.columns[name] }
}

/// One row. Cheap to pass on; keeps its result alive.
public struct Row: Sendable {
    @usableFromInline let result: ResultHandle
    @usableFromInline let index: Int

    /// Reads a column by position, 0 the first; NULL is an error unless `Value` is an optional.
    @inlinable
    public func get<Value: SQLDecodable>(
        _ column: Int, as: Value.Type = Value.self
    ) throws(DatabaseError) -> Value {
        guard let cell = result.cell(index, column) else {
            if let null = Value.ofNull { return null }
            throw result.mismatch(column, expected: Value.self)
        }
        guard let value = Value.decode(cell) else { throw result.mismatch(column, expected: Value.self) }
        return value
    }

    /// Reads a column by name.
    @inlinable
    public func get<Value: SQLDecodable>(
        _ column: String, as: Value.Type = Value.self
    ) throws(DatabaseError) -> Value {
        guard let position = result.columns[column] else { throw result.missing(column) }
        return try get(position)
    }

    public func isNull(_ column: Int) -> Bool {
        result.cell(index, column) == nil
    }

    public func isNull(_ column: String) -> Bool {
        result.columns[column].map { isNull($0) } ?? true
    }

    /// Mixes every column's length and bytes into the fingerprint.
    public func mix(into fingerprint: inout Fingerprint) {
        result.forEachCell(of: index) { fingerprint.mix($0) }
    }

    /// The bytes of a column as they came, without a copy; nil for NULL.
    public func withBytes<Result>(_ column: Int, _ body: (UnsafeRawBufferPointer?) throws -> Result) rethrows -> Result
    {
        try body(result.cell(index, column)?.bytes)
    }
}

/// Owns a PGresult. Reading is only reading, so any thread may; it is freed with the last row that looks into it.
@usableFromInline
final class ResultHandle: @unchecked Sendable {
    private let pointer: OpaquePointer
    @usableFromInline let columns: Columns
    let statement: StaticString
    let rowCount: Int

    /// Takes ownership. `columns` is the statement's, when it is known from an earlier result.
    init(_ pointer: OpaquePointer, columns known: Columns?, statement: StaticString) {
        self.pointer = pointer
        self.statement = statement
        rowCount = Int(PQntuples(pointer))
        if let known, known.count == Int(PQnfields(pointer)) {
            columns = known
        } else {
            columns = Columns(pointer)
        }
    }

    deinit {
        PQclear(pointer)
    }

    @usableFromInline
    func cell(_ row: Int, _ column: Int) -> SQLCell? {
        precondition(column >= 0 && column < columns.count, "a column that is not there")
        let row = Int32(truncatingIfNeeded: row)
        let number = Int32(truncatingIfNeeded: column)
        let length = PQgetlength(pointer, row, number)
        guard length > 0 || PQgetisnull(pointer, row, number) == 0 else { return nil }
        return SQLCell(
            type: columns.types[column],
            bytes: UnsafeRawBufferPointer(start: PQgetvalue(pointer, row, number), count: Int(length)))
    }

    /// The bytes of a row's columns in order, nil for NULL.
    func forEachCell(of row: Int, _ body: (UnsafeRawBufferPointer?) -> Void) {
        let row = Int32(truncatingIfNeeded: row)
        for column in 0..<Int32(truncatingIfNeeded: columns.count) {
            let length = PQgetlength(pointer, row, column)
            if length == 0, PQgetisnull(pointer, row, column) == 1 {
                body(nil)
            } else {
                body(UnsafeRawBufferPointer(start: PQgetvalue(pointer, row, column), count: Int(length)))
            }
        }
    }

    var affected: Int {
        guard let text = PQcmdTuples(pointer), text.pointee != 0 else { return 0 }
        return Int(String(cString: text)) ?? 0
    }

    /// The command's tag: `SELECT 3`, `COMMIT`.
    var tag: String {
        PQcmdStatus(pointer).map { String(cString: $0) } ?? ""
    }

    @usableFromInline
    func mismatch(_ column: Int, expected: Any.Type) -> DatabaseError {
        .decoding(statement: "\(statement)", column: columns.names[column], expected: "\(expected)")
    }

    @usableFromInline
    func missing(_ column: String) -> DatabaseError {
        .decoding(statement: "\(statement)", column: column, expected: "a column of that name")
    }
}

/// A result's columns; made once a prepared statement and shared by all its results.
@usableFromInline
final class Columns: Sendable {
    let names: [String]
    let types: [SQLType]
    private let positions: [String: Int]

    init(_ result: OpaquePointer) {
        let count = PQnfields(result)
        var names: [String] = []
        var types: [SQLType] = []
        var positions: [String: Int] = [:]
        for column in 0..<count {
            let name = PQfname(result, column).map { String(cString: $0) } ?? ""
            if positions[name] == nil { positions[name] = Int(column) }
            names.append(name)
            types.append(SQLType(rawValue: PQftype(result, column)))
        }
        self.names = names
        self.types = types
        self.positions = positions
    }

    var count: Int { names.count }

    @usableFromInline
    subscript(name: String) -> Int? { positions[name] }

    /// True when a later result has the same columns; a migration may have changed them under the statement.
    func matches(_ result: OpaquePointer) -> Bool {
        guard Int(PQnfields(result)) == types.count else { return false }
        for (index, type) in types.enumerated() where PQftype(result, Int32(truncatingIfNeeded: index)) != type.rawValue
        {
            return false
        }
        return true
    }
}
