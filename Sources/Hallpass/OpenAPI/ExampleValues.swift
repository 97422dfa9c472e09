import Foundation

/// The one story that the document's examples tell: a district in California asks for both integrations.
enum ExampleValues {
    static let requestID = "019342a5-3b00-7c11-a0f2-5d0e8c1b7a01"
    static let pairID = "019342a5-3f10-7d22-b1e3-6e1f9d2c8b02"
    static let districtID = "019342a5-3afe-7b00-9fe1-4c9d7b0a6902"
    static let emailID = "019342a6-1200-7a33-8c44-7f20ae3d9c03"
    static let deliveryID = "019342a5-2c00-7e44-9d55-8031bf4ead04"
    static let auditID = "019342a5-3b01-7f55-8e66-9142c05fbe05"
    static let tokenID = "019342a0-0000-7066-9f77-a253d160cf06"

    static let requestUUID = UUID(
        uuid: (
            0x01, 0x93, 0x42, 0xA5, 0x3B, 0x00, 0x7C, 0x11, 0xA0, 0xF2, 0x5D, 0x0E, 0x8C, 0x1B, 0x7A, 0x01
        ))

    static let request: JSONValue = .json(
        """
        {"id": "\(requestID)", "kind": "rostering", "attempt": 1,
         "district": {"id": "\(districtID)", "clever_id": "4fd43cc56d11340000000005", "name": "Demo District",
                      "type": "district", "state": "CA", "time_zone": "America/Los_Angeles",
                      "account_manager": "amy@vendor.example"},
         "state": "pending", "awaiting": "sso",
         "requester": {"name": "Lee Park", "email": "lee@demo.k12.ca.us", "title": "Tech admin"},
         "message": null, "source": "webhook", "external_id": "5f1c2d3e4b5a69788796a5b4",
         "launch": {"requested_date": "2026-12-01", "date": "2026-12-01", "time_zone": "America/Los_Angeles",
                    "at": "2026-12-01T08:00:00.000Z", "status": "waiting", "launched_at": null},
         "sharing": null,
         "checklist": [{"item": "data_reviewed", "status": "open", "by": null, "at": null, "note": null}],
         "badge": null,
         "next_step": {"owner": "vendor", "text": "Approve the SSO request first, or both at once."},
         "decision": {"by": null, "at": null, "message": null}, "configured_at": null,
         "version": 1, "created_at": "2026-11-23T16:05:00.123Z", "updated_at": "2026-11-23T16:05:00.123Z"}
        """)

    static let district: JSONValue = .json(
        """
        {"id": "\(districtID)", "clever_id": "4fd43cc56d11340000000005", "name": "Demo District", "type": "district",
         "state": "CA", "nces_id": null, "time_zone": "America/Los_Angeles", "time_zone_source": "given",
         "account_manager": "amy@vendor.example",
         "contacts": [{"name": "Lee Park", "email": "lee@demo.k12.ca.us", "role": "requester"}],
         "license": {"seats": 500, "licensed_teachers": ["58da8c5da7b4f5000000000a"]}, "clever": null,
         "version": 3, "created_at": "2026-11-23T16:05:00.123Z", "updated_at": "2026-11-23T16:09:30.000Z"}
        """)

    static let timelineEntry: JSONValue = .json(
        """
        {"at": "2026-11-23T16:07:10.500Z", "type": "decision", "actor": "amy", "text": "amy approved it.",
         "data": {"before": {"state": "pending"}, "after": {"state": "approved"}}}
        """)

    static let email: JSONValue = .json(
        """
        {"id": "\(emailID)", "request_ids": ["\(requestID)", "\(pairID)"], "district_id": "\(districtID)",
         "template": "approved", "to": "lee@demo.k12.ca.us", "subject": "Approved: SSO and rostering for Demo District",
         "status": "sent", "message_id": "<019342a6-1200-7a33-8c44-7f20ae3d9c03@vendor.example>",
         "attempts": [{"at": "2026-11-23T16:07:11.020Z", "code": 250, "reply": "250 2.0.0 Ok: queued as 4C1D2"}],
         "next_attempt_at": null, "created_at": "2026-11-23T16:07:10.500Z", "sent_at": "2026-11-23T16:07:11.020Z"}
        """)

    static let delivery: JSONValue = .json(
        """
        {"id": "\(deliveryID)", "webhook_id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "type": "integration_requests.created",
         "status": "processed", "detail": null, "created": "2026-11-23T16:04:58.000Z",
         "received_at": "2026-11-23T16:05:00.123Z", "processed_at": "2026-11-23T16:05:00.123Z",
         "request_id": "\(requestID)", "replays": 0}
        """)

    static let auditEntry: JSONValue = .json(
        """
        {"id": "\(auditID)", "at": "2026-11-23T16:07:10.500Z", "actor": "amy", "actor_role": "manager",
         "action": "request.approve", "request_id": "\(requestID)", "district_id": "\(districtID)",
         "before": {"state": "pending"}, "after": {"state": "approved"}, "http_request_id": "01J9Z3",
         "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
        """)

    static let token: JSONValue = .json(
        """
        {"id": "\(tokenID)", "name": "amy", "role": "manager", "created_at": "2026-11-23T15:00:00.000Z",
         "expires_at": null, "last_used_at": "2026-11-23T16:07:10.500Z"}
        """)

    /// The problem document of `code`.
    static func problem(_ code: Problem.Code) -> JSONValue {
        .json(String(decoding: ProblemCatalogue.example(of: code).body(requestID: "019342a5-3b00"), as: UTF8.self))
    }
}

extension JSONValue {
    /// The object with `members` in place of its own, or added.
    func merging(_ members: [(String, JSONValue)]) -> JSONValue {
        guard case .object(var all) = self else { return self }
        for (name, value) in members {
            if let index = all.firstIndex(where: { $0.name == name }) {
                all[index].value = value
            } else {
                all.append(.init(name, value))
            }
        }
        return .object(all)
    }
}
