import Integrations

// A facet is the number that the table's generated column gives to a request's kind, state, launch status and awaiting.
// Filters on any of them name the facets that fit, a few dozen at most, and an index of facet and sort key gives each one's
// rows in order: a page is the first rows of each, merged, which costs the same however many requests there are and
// however rare the ones asked for. That takes one index a sort key instead of one for every filter and sort key.

/// A request's kind, state, launch status and awaiting in one number, as the column `facet` in the schema makes it.
struct RequestFacet: Hashable, Sendable {
    var kind: Kind
    var state: RequestState
    var launchStatus: LaunchStatus
    var isAwaiting: Bool

    var number: Int32 {
        let state =
            switch state {
            case .pending: 0
            case .needsInfo: 1
            case .approved: 2
            case .shared: 3
            case .configured: 4
            case .declined: 5
            case .withdrawn: 6
            case .disconnected: 7
            }
        let launch =
            switch launchStatus {
            case .waiting: 0
            case .scheduled: 1
            case .launched: 2
            }
        return Int32((kind == .sso ? 0 : 1000) + (isAwaiting ? 100 : 0) + 10 * state + launch)
    }

    /// Every facet that a request can have: the same as the table's constraints allow.
    static let all: [RequestFacet] = Kind.allCases.flatMap { kind in
        RequestState.allCases.flatMap { state in
            LaunchStatus.allCases.flatMap { launchStatus in
                [false, true].map {
                    RequestFacet(kind: kind, state: state, launchStatus: launchStatus, isAwaiting: $0)
                }
            }
        }
    }.filter(\.isPossible)

    static let undecided = all.filter(\.state.isUndecided)

    private var isPossible: Bool {
        if isAwaiting, kind != .rostering || state.isEnded { return false }
        switch state {
        case .shared, .configured: return launchStatus != .waiting
        case .disconnected: return true
        case .pending, .needsInfo, .approved, .declined, .withdrawn: return launchStatus == .waiting
        }
    }
}
