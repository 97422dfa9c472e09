import Foundation
import HTTPServer
import HTTPTypes
import Postgres

// `GET /v1/events`: Server-Sent Events (WHATWG HTML §9.2). From now on, or with `Last-Event-ID` everything after it. Where
// that cannot be had without a gap (older than a week, or a number this database never gave), the stream begins with an
// `event: reset` that carries the current number as its `id:`, so that a client that reconnects goes on from there and is
// not reset again; what it missed it reads from the lists (`updated_after`) and the audit trail. A stream ends when the
// service stops, its token ends, or the client is too slow; all of them can resume.

enum StreamEvents {
    static let run: @Sendable (Call) async throws -> Answer = { call in
        guard let principal = call.principal else { preconditionFailure("the event stream needs a token") }
        let known = try lastEventID(call)
        let start = try await start(known, call)
        let application = call.application
        let body = ResponseBody.stream { writer in
            try await writer.write(opening(known, start))
            try await writer.flush()
            let client = Client(writer: writer, database: application.database)
            let position = try await client.catchUp(from: start.position)
            let subscription = application.events.subscribe(principal, after: position)
            defer { application.events.leave(subscription) }
            try await client.follow(subscription, from: try await client.catchUp(from: position))
        }
        var answer = Answer(status: 200, body: .other(contentType: "text/event-stream", body))
        answer.headerFields[.lastEventID] = String(start.position)
        answer.headerFields[.accelBuffering] = "no"
        return answer
    }

    /// Nil without the field, or when it is empty: a client that has seen nothing yet.
    private static func lastEventID(_ call: Call) throws(Problem) -> Int? {
        let complaints = Complaints()
        call.query(complaints).finish()
        var number: Int?
        if let field = call.headerField(.lastEventID), !field.isEmpty {
            if field.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(field) {
                number = value
            } else {
                complaints.add(
                    .parameter("Last-Event-ID"), "must be an id that this stream gave: a whole number from 0")
            }
        }
        try complaints.check()
        return number
    }

    private struct Start {
        /// Events numbered higher are told.
        var position: Int
        /// Some between the client's number and `position` cannot be told.
        var isReset: Bool
    }

    private static func start(_ known: Int?, _ call: Call) async throws -> Start {
        let cutoff = call.now.addingTimeInterval(-EventNumbering.lifetimeSeconds)
        let rows = try await call.read(
            Query(
                "events.start",
                """
                SELECT coalesce((SELECT max(number) FROM event), pruned.number), pruned.number,
                    coalesce((SELECT at < \(cutoff) FROM event WHERE number > \(known ?? 0) ORDER BY number LIMIT 1), false)
                FROM (SELECT coalesce((SELECT value::bigint FROM service_fact WHERE name = 'events_pruned'), 0) AS number)
                    AS pruned
                """))
        let (last, pruned) = (try rows[0].get(0, as: Int.self), try rows[0].get(1, as: Int.self))
        guard let known else { return Start(position: last, isReset: false) }
        let isWhole = try known >= pruned && known <= last && !rows[0].get(2, as: Bool.self)
        return Start(position: isWhole ? known : last, isReset: !isWhole)
    }

    /// What the stream begins with: a comment, so that the client sees at once that it is connected; and the reset.
    private static func opening(_ known: Int?, _ start: Start) -> [UInt8] {
        guard start.isReset, let known else { return Array(": connected\n\n".utf8) }
        var data = JSONWriter()
        data.object { writer in
            writer.member("last_event_id", known)
            writer.member(
                "detail",
                "Not everything after this id can be told: it is older than 7 days, or not of this database. Read the lists anew (updated_after); the stream goes on from here."
            )
        }
        return Array(": connected\n\nid: \(start.position)\nevent: reset\ndata: ".utf8) + data.bytes
            + Array("\n\n".utf8)
    }

    private struct ClientTooSlow: Error {}

    /// One stream's writing end.
    private struct Client {
        let writer: ResponseWriter
        let database: Database

        /// Sends what the database has above `number`; returns the highest number sent.
        func catchUp(from number: Int) async throws -> Int {
            var position = number
            while let batch = try await EventBatch.read(after: position, from: database) {
                try await send(batch.bytes)
                position = batch.last
                if !batch.isFull { break }
            }
            return position
        }

        /// Sends what comes, until the subscription ends. - Throws: `ClientTooSlow`, which breaks the connection off.
        func follow(_ subscription: EventSubscription, from number: Int) async throws {
            var position = number
            for await item in subscription.items {
                subscription.took(item)
                if subscription.end != nil { break }
                switch item {
                case .keepAlive: try await send(Array(": keep-alive\n\n".utf8))
                case .events(let batch):
                    let bytes = batch.bytes(after: position)
                    position = max(position, batch.last)
                    if !bytes.isEmpty { try await send(bytes) }
                }
            }
            if subscription.end == .slow { throw ClientTooSlow() }
        }

        private func send(_ bytes: [UInt8]) async throws {
            try await writer.write(bytes)
            try await writer.flush()
        }
    }
}

extension HTTPField.Name {
    static let lastEventID = HTTPField.Name("Last-Event-ID")!
    /// Tells nginx not to hold a stream back.
    static let accelBuffering = HTTPField.Name("X-Accel-Buffering")!
}
