import Foundation
import Postgres

/// Some events one after another, as they go over the wire: made once, sent to every client.
struct EventBatch: Sendable {
    /// Events to a batch.
    static let limit = 500

    /// `id:`, `event:` and `data:` of each.
    let bytes: [UInt8]
    /// The events' numbers, ascending.
    private let numbers: [Int]
    /// Where each event's bytes end.
    private let ends: [Int]

    var count: Int { numbers.count }
    var last: Int { numbers[numbers.count - 1] }
    var isFull: Bool { count == Self.limit }

    /// The bytes of those numbered higher than `number`.
    func bytes(after number: Int) -> [UInt8] {
        let skipped = numbers.prefix { $0 <= number }.count
        if skipped == 0 { return bytes }
        return Array(bytes[ends[skipped - 1]...])
    }

    /// The events numbered higher than `number`; nil when there are none. An erased entry's ids are null.
    static func read(after number: Int, from database: Database) async throws -> EventBatch? {
        let rows = try await database.query(
            Query(
                "events.read",
                """
                SELECT e.number, a.id, a.at, a.action, a.request_id, a.district_id, a.actor
                FROM event e JOIN audit_entry a ON a.id = e.entry_id
                WHERE e.number > \(number) ORDER BY e.number LIMIT \(limit)
                """))
        return rows.isEmpty ? nil : try EventBatch(rows)
    }

    private init(_ rows: Rows) throws {
        var writer = JSONWriter()
        var (bytes, numbers, ends) = ([UInt8](), [Int](), [Int]())
        for row in rows {
            let number = try row.get(0, as: Int.self)
            let action = try row.get(3, as: String.self)
            writer = JSONWriter(reserving: 320)
            try writer.write(row, action: action)
            bytes += Array("id: \(number)\nevent: \(action)\ndata: ".utf8) + writer.bytes + Array("\n\n".utf8)
            numbers.append(number)
            ends.append(bytes.count)
        }
        (self.bytes, self.numbers, self.ends) = (bytes, numbers, ends)
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ row: Row, action: String) throws {
        let (id, at) = (try row.get(1, as: UUID.self), try row.get(2, as: Date.self))
        let requestID = try row.get(4, as: UUID?.self)
        let districtID = try row.get(5, as: UUID?.self)
        let actor = try row.get(6, as: String.self)
        object { writer in
            writer.member("id", Identifier.format(id))
            writer.member("at", Instant.format(at))
            writer.member("action", action)
            writer.member("request_id", requestID.map(Identifier.format))
            writer.member("district_id", districtID.map(Identifier.format))
            writer.member("actor", actor)
        }
    }
}
