import HTTPServer
import HTTPTypes
import Integrations

/// Every route of the service, one table (API §3). The OpenAPI document is held to it by a test.
enum Routes {
    static let all: [Endpoint] = api + probes

    /// Everything but the probes, which can move to a listener of their own.
    static let api: [Endpoint] = requests + districts + sharing + webhooks + emails + audit + tokens + description

    static let requests: [Endpoint] =
        [
            Endpoint(.post, "/v1/requests", .change(.submitter, CreateRequest.run)),
            Endpoint(.get, "/v1/requests", .read(.viewer, ListRequests.run)),
            Endpoint(.post, "/v1/requests/bulk", .raw(.manager, BulkRequests.run)),
            Endpoint(.get, "/v1/requests/{id}", .read(.viewer, GetRequest.run)),
            Endpoint(
                .patch, "/v1/requests/{id}", .change(.manager, RequestActions.patch), mediaTypes: Endpoint.patchTypes),
            Endpoint(
                .put, "/v1/requests/{id}/checklist/{item}", .change(.manager, RequestActions.putChecklistItem)),
            Endpoint(.get, "/v1/requests/{id}/timeline", .read(.viewer, ListTimeline.run)),
            Endpoint(.get, "/v1/summary", .read(.viewer, GetSummary.run)),
        ]
        + ActionName.ofRequests.map { action, role in
            Endpoint(.post, "/v1/requests/{id}/\(action.rawValue)", .change(role, RequestActions.run(action)))
        }

    static let districts: [Endpoint] = [
        Endpoint(.get, "/v1/districts", .read(.viewer, ListDistricts.run)),
        Endpoint(.get, "/v1/districts/{id}", .read(.viewer, GetDistrict.run)),
        Endpoint(
            .patch, "/v1/districts/{id}", .change(.manager, DistrictActions.patch), mediaTypes: Endpoint.patchTypes),
        Endpoint(.delete, "/v1/districts/{id}", .change(.admin, DistrictActions.erase)),
        Endpoint(.post, "/v1/districts/{id}/approve", .change(.manager, DistrictActions.approve)),
    ]

    static let sharing: [Endpoint] = [
        Endpoint(
            .put, "/v1/requests/{id}/shared-data", .raw(.manager, PutSharedData.run),
            options: RouteOptions(bodyLimit: nil, inflatedLimit: PutSharedData.inflatedLimit),
            mediaTypes: PutSharedData.mediaTypes),
        Endpoint(.get, "/v1/districts/{id}/sharing", .read(.viewer, GetSharing.run)),
        Endpoint(.get, "/v1/districts/{id}/sharing/teachers", .read(.viewer, ListSharedTeachers.run)),
        Endpoint(.get, "/v1/districts/{id}/teachers/{clever_id}/access", .read(.viewer, GetTeacherAccess.run)),
    ]

    static let webhooks: [Endpoint] = [
        Endpoint(.post, "/webhooks/clever", .open(ReceiveCallback.run)),
        Endpoint(.get, "/v1/webhook-deliveries", .read(.viewer, ListDeliveries.list)),
        Endpoint(.get, "/v1/webhook-deliveries/{id}", .read(.viewer, ListDeliveries.get)),
        Endpoint(.get, "/v1/webhook-deliveries/{id}/payload", .read(.viewer, ListDeliveries.payload)),
        Endpoint(.post, "/v1/webhook-deliveries/{id}/replay", .change(.admin, ReplayDelivery.run)),
    ]

    static let emails: [Endpoint] = [
        Endpoint(.get, "/v1/emails", .read(.viewer, ListEmails.list)),
        Endpoint(.get, "/v1/emails/{id}", .read(.viewer, ListEmails.get)),
        Endpoint(.get, "/v1/emails/{id}/source", .read(.viewer, ListEmails.source)),
        Endpoint(.post, "/v1/emails/{id}/retry", .change(.manager, EmailActions.retry)),
        Endpoint(.post, "/v1/emails/{id}/cancel", .change(.manager, EmailActions.cancel)),
    ]

    static let audit: [Endpoint] = [
        Endpoint(.get, "/v1/audit", .read(.viewer, ListAudit.run)),
        Endpoint(.get, "/v1/events", .read(.viewer, StreamEvents.run)),
    ]

    static let tokens: [Endpoint] = [
        Endpoint(.post, "/v1/tokens", .change(.admin, TokenActions.create)),
        Endpoint(.get, "/v1/tokens", .read(.admin, TokenActions.list)),
        Endpoint(.delete, "/v1/tokens/{id}", .change(.admin, TokenActions.revoke)),
    ]

    static let description: [Endpoint] = [
        Endpoint(.get, "/openapi.json", .immediate(GetOpenAPI.run))
    ]

    static let probes: [Endpoint] = [
        Endpoint(.get, "/livez", .immediate(Probes.live)),
        Endpoint(.get, "/readyz", .open(Probes.ready)),
        Endpoint(.get, "/metrics", .open(Probes.metrics)),
    ]

    static func router(_ endpoints: [Endpoint], application: Application) -> Router {
        var router = Router()
        for endpoint in endpoints {
            EndpointRunner(application: application, endpoint: endpoint).route(by: &router)
        }
        return router
    }
}

extension Endpoint {
    /// A merge patch (RFC 7396) may say so.
    static let patchTypes: Set<String> = ["application/json", "application/merge-patch+json"]
}

extension ActionName {
    /// The actions on one request that are a POST of their own, and who may ask for them.
    static let ofRequests: [(ActionName, Role)] = [
        (.approve, .manager), (.decline, .manager), (.requestInfo, .manager), (.provideInfo, .submitter),
        (.withdraw, .submitter), (.reschedule, .manager), (.launch, .manager), (.share, .manager),
        (.configure, .manager),
        (.reopen, .manager), (.disconnect, .manager),
    ]
}
