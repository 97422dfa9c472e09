public import Foundation

/// A launch date in an approval: kept as wished, or set (nil: no custom launch date).
public enum LaunchDateChoice: Sendable, Hashable {
    case keep
    case set(CalendarDate?)
}

/// What a new request is made of.
public struct NewRequest: Sendable, Hashable {
    public var id: UUID
    public var kind: Kind
    public var attempt: Int
    public var requester: Requester
    public var launchDate: CalendarDate?
    public var message: String?
    public var source: RequestSource
    public var externalID: String?
    /// Item names from the configuration.
    public var checklist: [String]

    public init(
        id: UUID, kind: Kind, attempt: Int, requester: Requester, launchDate: CalendarDate?, message: String?,
        source: RequestSource, externalID: String?, checklist: [String]
    ) {
        self.id = id
        self.kind = kind
        self.attempt = attempt
        self.requester = requester
        self.launchDate = launchDate
        self.message = message
        self.source = source
        self.externalID = externalID
        self.checklist = checklist
    }
}

/// Everything that can be asked of a district's case: the actions of people, what callbacks tell, what time brings.
public enum Command: Sendable, Hashable {
    case create(NewRequest)
    case approve(launchDate: LaunchDateChoice, message: String?, withPair: Bool)
    /// Every undecided request of the district.
    case approveAll(launchDate: LaunchDateChoice, message: String?)
    case decline(reason: String)
    case requestInfo(message: String)
    case provideInfo(message: String)
    case withdraw(reason: String?)
    case reschedule(date: CalendarDate?, reason: String?)
    case launchNow
    case share(method: SharingMethod, rules: String?, source: Sharing.Source)
    case setChecklist(item: String, status: ChecklistStatus, note: String?)
    case configure(message: String?, completeChecklist: Bool)
    case reopen(reason: String)
    case disconnect(reason: String)
    /// `PATCH`: requester and message.
    case amend(requester: Requester, message: String?)
    /// The data shared has changed since `sharing_matches_sso` was settled: it is open again.
    case reviewSharingAgain

    // Told by callbacks.

    /// The district's changed wish.
    case changeWish(launchDate: CalendarDate?, message: String?, requester: Requester)
    /// The district took its request back: withdrawn, or from `shared` on disconnected.
    case endByDistrict
    case replaceSharing(method: SharingMethod, rules: String?)
    case removeSharing
    /// The district left Clever: every open request is disconnected.
    case deleteDistrict
    /// Clever's launch date for the district: each approved or shared request that has not launched follows it.
    case followDistrictLaunchDate(CalendarDate?)

    // Told by the service.

    /// The launch's instant has come.
    case dateHasCome
    /// A day has begun: what a request shows may be another thing than the day before.
    case dayHasCome
    /// The district's facts as they now are.
    case changeDistrict(District)
}

/// Why a command is refused.
public enum Refusal: Error, Sendable, Hashable {
    /// A member of the input cannot be (HTTP 422): a JSON pointer and what would be right.
    case invalid(pointer: String, detail: String)
    /// Not from this state; `allowed` are the table's actions.
    case transitionNotAllowed(state: RequestState, allowed: [ActionName])
    case requestExists(id: UUID, state: RequestState, kind: Kind)
    case ssoNotApproved
    case launchDatePassed(CalendarDate)
    case alreadyLaunched
    case checklistIncomplete(openItems: [String])
    case nothingToApprove

    public var isInvalidInput: Bool {
        if case .invalid = self { return true }
        return false
    }
}

/// The mails of API §6.
public enum MailTemplate: String, Sendable, Hashable, CaseIterable {
    case approved, configured, declined
    case infoRequested = "info_requested"
    case rescheduled
    case newRequest = "new_request"
    case infoProvided = "info_provided"
    case setupCompleted = "setup_completed"
    case withdrawn
}

/// A mail to write.
public struct Notice: Sendable, Hashable {
    public enum Audience: Sendable, Hashable {
        case requester(Requester)
        case accountManager(String)
    }

    public var template: MailTemplate
    public var audience: Audience
    /// What it is about, SSO first.
    public var requestIDs: [UUID]
    /// Words of the person who acted: a message or a reason.
    public var message: String?
}

/// What a timeline entry tells of.
public enum TimelineType: String, Sendable, Hashable, CaseIterable {
    case callback, decision, sharing, launch, email, note
}

/// What must happen together with the change.
public enum Effect: Sendable, Hashable {
    /// An audit entry for a request that changed; `action` like `request.approve`.
    case audit(action: String, requestID: UUID)
    case mail(Notice)
    /// A line in a request's timeline, beyond its audit entry.
    case note(requestID: UUID, type: TimelineType, text: String)
    /// A launch was set, moved or taken back.
    case launchMoved
}

/// What a command came to.
public struct Outcome: Sendable, Hashable {
    public var districtCase: DistrictCase
    public var effects: [Effect]
    /// The requests that the command was carried out on, the addressed one first.
    public var decided: [UUID]
}
