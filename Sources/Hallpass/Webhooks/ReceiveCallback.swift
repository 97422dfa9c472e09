import Crypto
import Foundation
import HTTPServer
import HTTPTypes
import Integrations
import Postgres

// `POST /webhooks/clever`. Verified over the raw bytes; then receipt, effect, audit and e-mails in one transaction. The
// webhook-id is locked first, so that the same delivery arriving many times at once has one effect and the others see it as
// a duplicate. A body that is no event is kept as `rejected`; other bytes under a known id are kept as `conflict`.
//
// Two round trips: all locks and reads, then all writes with the commit.

enum ReceiveCallback {
    static let run: @Sendable (Call) async throws -> Answer = { call in
        let body = try await call.request.body.collectRaw()
        let signature: WebhookSignature
        do throws(WebhookSignature.Refusal) {
            signature = try WebhookSignature(call.request.head.headerFields)
            try signature.verify(body, secrets: call.application.webhookSecrets.secrets, now: call.now)
        } catch {
            call.application.observe(.callbackRefused(requestID: call.request.id, reason: error.rawValue))
            throw refusal
        }
        try checkMediaType(call)
        let isDryRun = try readQuery(call)
        let delivery = Delivery(
            id: Identifier.make(at: call.now), webhookID: signature.id, body: body,
            contentType: call.request.head.headerFields[.contentType],
            contentEncoding: call.request.body.contentEncoding)
        let event = Result { try CallbackReader.read(inflated(delivery.body, call.request.body)) }
        let (result, mails) = try await call.application.perform(
            author: .delivery(delivery.id), now: call.now, trace: call.trace, dryRun: isDryRun
        ) { work in
            (try await receive(delivery, event, work), work.outgoing)
        }
        call.application.observe(.callbackReceived(status: result.status.rawValue, type: result.type))
        let answer = try result.answer()
        return isDryRun ? answer.withWouldSend(mails) : answer
    }

    /// The same for every refused delivery, so that nobody learns why.
    private static let refusal = Problem(
        status: 401, code: .unauthorized, detail: "The delivery's signature does not vouch for it.")

    private static func checkMediaType(_ call: Call) throws(Problem) {
        if let field = call.request.head.headerFields[.contentType] {
            let type = field.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
            guard type == "application/json" else {
                throw Problem(
                    status: 415, code: .unsupportedMediaType, detail: "Send application/json, or no Content-Type.")
            }
        }
        if let encoding = call.request.body.contentEncoding, encoding != "gzip", encoding != "identity" {
            throw ProblemResponse.unsupportedEncoding
        }
    }

    /// Whether it is a dry run.
    private static func readQuery(_ call: Call) throws(Problem) -> Bool {
        let complaints = Complaints()
        var reader = call.query(complaints)
        let isDryRun = reader.bool("dry_run") ?? false
        reader.finish()
        try complaints.check()
        return isDryRun
    }

    private static func inflated(_ body: [UInt8], _ source: RequestBody) throws -> [UInt8] {
        do {
            return try source.inflate(body)
        } catch BodyError.tooLarge {
            throw BodyError.tooLarge
        } catch {
            throw CallbackRejection(detail: "The body's gzip data is damaged.")
        }
    }

    private static func receive(
        _ delivery: Delivery, _ event: Result<CallbackEvent, any Error>, _ work: Work
    ) async throws -> DeliveryResult {
        var file: CallbackFile?
        if case .success(let event) = event { file = CallbackFile(event, work: work) }
        let lookup = [
            Query("delivery.lock", "SELECT pg_advisory_xact_lock(hashtextextended(\(delivery.webhookID), 2))"),
            Query(
                "delivery.by_webhook_id",
                """
                SELECT id, status, body_digest FROM webhook_delivery
                WHERE webhook_id = \(delivery.webhookID) AND status <> 'conflict'
                """),
        ]
        let rows = try await work.transaction.query(all: lookup + (file?.queries ?? []))
        if let row = rows[1].first {
            let first: DeliveryStatus = try RequestRows.known(row.get(1))
            if try row.get(2, as: [UInt8].self) == delivery.digest {
                return DeliveryResult(id: try row.get(0), status: .duplicate, firstStatus: first)
            }
            delivery.insert(.conflict, detail: "Came before with other bytes.", event: file?.event, applied: nil, work)
            return DeliveryResult(id: delivery.id, status: .conflict)
        }
        guard case .success(let event) = event, var file else {
            if case .failure(let rejection as CallbackRejection) = event { return reject(delivery, rejection, work) }
            if case .failure(let error) = event { throw error }
            preconditionFailure("an event that was read has its file")
        }
        let applied: CallbackApplied
        do {
            applied = try await file.apply(rows.dropFirst(lookup.count))
        } catch let refusal as Integrations.Refusal {
            return reject(delivery, CallbackRejection(refusal, of: event), work)
        }
        delivery.insert(applied.status, detail: applied.detail, event: event, applied: applied, work)
        try await file.finish()
        return DeliveryResult(id: delivery.id, status: applied.status, type: event.type)
    }

    private static func reject(_ delivery: Delivery, _ rejection: CallbackRejection, _ work: Work) -> DeliveryResult {
        delivery.insert(rejection, work)
        return DeliveryResult(id: delivery.id, status: .rejected, type: rejection.type, rejection: rejection)
    }
}

enum DeliveryStatus: String, Sendable, CaseIterable {
    case processed, ignored, superseded, parked, rejected, conflict
    /// Answered, never stored.
    case duplicate
}

/// What a delivery came to, as its sender is told.
struct DeliveryResult: Sendable {
    var id: UUID
    var status: DeliveryStatus
    var firstStatus: DeliveryStatus?
    var type: String?
    var rejection: CallbackRejection?

    func answer() throws(Problem) -> Answer {
        if let rejection {
            throw Problem(
                status: 400, code: .malformedJSON, detail: rejection.detail, errors: rejection.errors,
                members: [.init(name: "delivery_id", value: .string(Identifier.format(id)))])
        }
        if status == .conflict {
            throw Problem(
                status: 409, code: .webhookIDConflict,
                detail: "This webhook-id came before with another body. Give every delivery an id of its own.",
                members: [.init(name: "delivery_id", value: .string(Identifier.format(id)))])
        }
        return .json { writer in
            writer.object { writer in
                writer.member("delivery_id", Identifier.format(id))
                writer.member("status", status.rawValue)
                if let firstStatus { writer.member("first_status", firstStatus.rawValue) }
            }
        }
    }
}
