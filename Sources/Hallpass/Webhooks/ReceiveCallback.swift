import Crypto
import Foundation
import HTTPServer
import HTTPTypes
import Integrations
import Postgres

// `POST /webhooks/clever`. Verified over the raw bytes; then receipt, effect, audit and e-mails in one transaction. The
// webhook-id is locked first, so that the same delivery arriving many times at once has one effect and the others see it as
// a duplicate. A body that is no event is kept as `rejected`; other bytes under a known id are kept as `conflict`.

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
        let delivery = Delivery(
            id: Identifier.make(at: call.now), webhookID: signature.id, body: body,
            contentType: call.request.head.headerFields[.contentType],
            contentEncoding: call.request.body.contentEncoding)
        let event = Result { try CallbackReader.read(inflated(delivery.body, call.request.body)) }
        let result = try await call.application.perform(
            author: .delivery(delivery.id), now: call.now, httpRequestID: call.request.id
        ) { work in
            try await receive(delivery, event, work)
        }
        call.application.observe(.callbackReceived(status: result.status.rawValue, type: result.type))
        return try result.answer()
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
        let known = try await work.transaction.query(all: [
            Query("delivery.lock", "SELECT pg_advisory_xact_lock(hashtextextended(\(delivery.webhookID), 2))"),
            Query(
                "delivery.by_webhook_id",
                """
                SELECT id, status, body_digest FROM webhook_delivery
                WHERE webhook_id = \(delivery.webhookID) AND status <> 'conflict'
                """),
        ])[1]
        if let row = known.first {
            let first: DeliveryStatus = try RequestRows.known(row.get(1))
            if try row.get(2, as: [UInt8].self) == delivery.digest {
                return DeliveryResult(id: try row.get(0), status: .duplicate, firstStatus: first)
            }
            delivery.insert(.conflict, detail: "Came before with other bytes.", event: nil, applied: nil, work)
            return DeliveryResult(id: delivery.id, status: .conflict)
        }
        switch event {
        case .failure(let rejection as CallbackRejection): return reject(delivery, rejection, work)
        case .failure(let error): throw error
        case .success(let event):
            var file = CallbackFile(work: work)
            let applied: CallbackApplied
            do {
                applied = try await file.apply(event)
            } catch let refusal as Integrations.Refusal {
                return reject(delivery, CallbackRejection(refusal), work)
            }
            delivery.insert(applied.status, detail: applied.detail, event: event, applied: applied, work)
            try await file.finish()
            return DeliveryResult(id: delivery.id, status: applied.status, type: event.type)
        }
    }

    private static func reject(_ delivery: Delivery, _ rejection: CallbackRejection, _ work: Work) -> DeliveryResult {
        delivery.insert(.rejected, detail: rejection.text, event: nil, applied: nil, work)
        return DeliveryResult(id: delivery.id, status: .rejected, rejection: rejection)
    }
}

extension CallbackRejection {
    init(_ refusal: Integrations.Refusal) {
        guard case .invalid(let pointer, let detail) = refusal else {
            self.init(detail: "The event cannot be applied: \(refusal).")
            return
        }
        self.init(
            detail: "The body is JSON but not the shape of an event; `errors` says where.",
            errors: [FieldProblem(place: .pointer("/data/object\(pointer)"), detail: detail)])
    }

    /// The reason as it is kept with the delivery.
    var text: String {
        let places = errors.prefix(20).map { error in
            if case .pointer(let pointer) = error.place { return "\(pointer) \(error.detail)" }
            return error.detail
        }
        return ([detail] + places).joined(separator: " ")
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
