public import Foundation

/// The two integrations.
public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Users log in.
    case sso
    /// Teachers import their classes.
    case rostering

    /// The other one.
    public var pair: Kind { self == .sso ? .rostering : .sso }
    /// As people write it.
    public var title: String { self == .sso ? "SSO" : "rostering" }
}

/// Where a request stands (API §2).
public enum RequestState: String, Sendable, Hashable, CaseIterable {
    case pending
    case needsInfo = "needs_info"
    case approved, shared, configured, declined, withdrawn, disconnected

    /// Not ended.
    public var isOpen: Bool { !isEnded }
    public var isEnded: Bool { self == .declined || self == .withdrawn || self == .disconnected }
    /// Asked for and not decided.
    public var isUndecided: Bool { self == .pending || self == .needsInfo }
    public var isApprovedOrFurther: Bool { self == .approved || self == .shared || self == .configured }
    /// Clever's wizard is complete.
    public var isWizardComplete: Bool { self == .shared || self == .configured }

    /// The actions that the table allows, as they are named in the paths and in its order.
    public var allowedActions: [ActionName] {
        switch self {
        case .pending: [.approve, .decline, .requestInfo, .withdraw]
        case .needsInfo: [.provideInfo, .approve, .decline, .withdraw]
        case .approved: [.share, .withdraw, .disconnect]
        case .shared: [.configure, .disconnect]
        case .configured: [.reopen, .disconnect]
        case .declined, .withdrawn, .disconnected: []
        }
    }
}

/// An action as the paths name it.
public enum ActionName: String, Sendable, Hashable, CaseIterable {
    case approve, decline
    case requestInfo = "request-info"
    case provideInfo = "provide-info"
    case withdraw, share, configure, reopen, disconnect, reschedule, launch, checklist
}

/// Who asked on the district's side.
public struct Requester: Sendable, Hashable {
    public var name: String
    public var email: String
    public var title: String?

    public init(name: String, email: String, title: String?) {
        self.name = name
        self.email = email
        self.title = title
    }
}

public enum RequestSource: String, Sendable, Hashable, CaseIterable {
    case webhook, api
}

public enum LaunchStatus: String, Sendable, Hashable, CaseIterable {
    /// The wizard is not complete.
    case waiting
    /// The wizard is complete, the date ahead.
    case scheduled
    case launched
}

/// When a request launches.
public struct Launch: Sendable, Hashable {
    /// The district's wish, as first sent or changed by it; nil is "No Custom Launch Date".
    public var requestedDate: CalendarDate?
    /// The date agreed.
    public var date: CalendarDate?
    /// The first instant of `date` in the district's zone; nil without a date.
    public var at: Date?
    public var status: LaunchStatus
    public var launchedAt: Date?

    public init(requestedDate: CalendarDate?, date: CalendarDate?, at: Date?, status: LaunchStatus, launchedAt: Date?) {
        self.requestedDate = requestedDate
        self.date = date
        self.at = at
        self.status = status
        self.launchedAt = launchedAt
    }
}

public enum SharingMethod: String, Sendable, Hashable, CaseIterable {
    case sections, schools, rules, district
}

/// The sharing wizard's completion.
public struct Sharing: Sendable, Hashable {
    public enum Source: String, Sendable, Hashable {
        case webhook, manual
    }

    public var method: SharingMethod
    /// A JSON array, kept verbatim; nil when none was given.
    public var rules: String?
    public var completedAt: Date
    public var source: Source

    public init(method: SharingMethod, rules: String?, completedAt: Date, source: Source) {
        self.method = method
        self.rules = rules
        self.completedAt = completedAt
        self.source = source
    }
}

public enum ChecklistStatus: String, Sendable, Hashable, CaseIterable {
    case open, done, waived
}

public struct ChecklistItem: Sendable, Hashable {
    public var item: String
    public var status: ChecklistStatus
    public var by: String?
    public var at: Date?
    public var note: String?

    public init(item: String, status: ChecklistStatus = .open, by: String? = nil, at: Date? = nil, note: String? = nil)
    {
        self.item = item
        self.status = status
        self.by = by
        self.at = at
        self.note = note
    }
}

/// Approval or declining: by whom, when, in which words.
public struct Decision: Sendable, Hashable {
    public var by: String?
    public var at: Date?
    public var message: String?

    public init(by: String?, at: Date?, message: String?) {
        self.by = by
        self.at = at
        self.message = message
    }
}

/// The badge, from the wizard's completion on.
public struct Badge: Sendable, Hashable {
    public enum Color: String, Sendable, Hashable {
        case green, yellow
    }

    public var label: String
    public var color: Color
}

/// One integration of one kind for one district, from asking to configured.
public struct IntegrationRequest: Sendable, Hashable {
    public var id: UUID
    public var districtID: UUID
    public var kind: Kind
    public var attempt: Int
    public var state: RequestState
    /// `.sso` while an open rostering request waits for the district's SSO to be approved.
    public var awaiting: Kind?
    public var requester: Requester
    public var message: String?
    public var source: RequestSource
    public var externalID: String?
    public var launch: Launch
    public var sharing: Sharing?
    public var checklist: [ChecklistItem]
    public var decision: Decision
    public var configuredAt: Date?
    public var version: Int
    public var createdAt: Date
    public var updatedAt: Date

    public init(
        id: UUID, districtID: UUID, kind: Kind, attempt: Int, state: RequestState, awaiting: Kind?,
        requester: Requester, message: String?, source: RequestSource, externalID: String?, launch: Launch,
        sharing: Sharing?, checklist: [ChecklistItem], decision: Decision, configuredAt: Date?, version: Int,
        createdAt: Date, updatedAt: Date
    ) {
        self.id = id
        self.districtID = districtID
        self.kind = kind
        self.attempt = attempt
        self.state = state
        self.awaiting = awaiting
        self.requester = requester
        self.message = message
        self.source = source
        self.externalID = externalID
        self.launch = launch
        self.sharing = sharing
        self.checklist = checklist
        self.decision = decision
        self.configuredAt = configuredAt
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// The first instant at which the date of a request has passed that is not decided, or whose wizard is not complete:
    /// its next step says so from then on. Nil for the others.
    public func overdueAt(in zone: TimeZone) -> Date? {
        state.isUndecided || state == .approved ? launch.date?.adding(days: 1).firstInstant(in: zone) : nil
    }

    /// Green "Launched", or yellow "Launch Date: mm/dd/yy" until that day; nil before the wizard is complete.
    public var badge: Badge? {
        guard state.isWizardComplete else { return nil }
        if launch.status == .launched { return Badge(label: "Launched", color: .green) }
        return launch.date.map { Badge(label: "Launch Date: \($0.badgeText)", color: .yellow) }
    }
}
