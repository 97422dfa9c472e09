public import Foundation

// A district with its requests, of which at most one a kind is open. The kinds depend on each other (rostering needs SSO,
// both may be approved at once, a changed time zone moves every launch, each next step speaks of the other kind), so every
// change is decided on the whole case. Whatever changes what a request shows raises its version: its own members, its
// district's summary, and the next step, which also changes by the coming of a day.

/// A district and its requests: the open ones, and those that have ended.
public struct DistrictCase: Sendable, Hashable {
    public var district: District
    public var requests: [IntegrationRequest]

    public init(district: District, requests: [IntegrationRequest]) {
        self.district = district
        self.requests = requests
    }

    /// The open request of a kind.
    public func open(_ kind: Kind) -> IntegrationRequest? { requests.first { $0.kind == kind && $0.state.isOpen } }

    public func request(_ id: UUID) -> IntegrationRequest? { requests.first { $0.id == id } }

    /// Whether rostering has the SSO it needs.
    public var isSSOApproved: Bool { open(.sso)?.state.isApprovedOrFurther ?? false }

    /// The district's calendar day at an instant.
    public func today(_ now: Date) -> CalendarDate { CalendarDate(now, in: district.zone) }

    /// Decides a command.
    /// - Parameters:
    ///   - requestID: the request it is about; nil for commands about the district.
    ///   - actor: who asks, as the audit trail names them.
    /// - Throws: the refusal; nothing is changed then.
    public func apply(
        _ command: Command, to requestID: UUID?, by actor: String, at now: Date
    ) throws(Refusal) -> Outcome {
        var step = Step(original: self, actor: actor, now: now)
        try step.carryOut(command, on: requestID)
        return step.finish()
    }
}

/// One command being carried out on a copy of the case.
struct Step {
    let original: DistrictCase
    let actor: String
    let now: Date
    var value: DistrictCase
    var effects: [Effect] = []
    /// What the command did, by request: the audit action.
    var actions: [(id: UUID, action: String)] = []

    init(original: DistrictCase, actor: String, now: Date) {
        self.original = original
        self.actor = actor
        self.now = now
        value = original
    }

    /// Settles what follows from the command: `awaiting`, launches, versions, audit entries.
    consuming func finish() -> Outcome {
        let summaryChanged = value.district.summary != original.district.summary
        for index in value.requests.indices {
            var request = value.requests[index]
            settleAwaiting(&request)
            settleLaunch(&request)
            value.requests[index] = request
        }
        // Next steps are read off the case as it is settled, so they are compared before any version is raised.
        let settled = value
        for index in settled.requests.indices {
            let request = settled.requests[index]
            let action = actions.first { $0.id == request.id }?.action
            guard let before = original.request(request.id) else {
                if let action { effects.insert(.audit(action: action, requestID: request.id), at: 0) }
                continue
            }
            let hasChanged = before != request
            guard hasChanged || summaryChanged || hasAnotherStep(before, request, settled) else { continue }
            value.requests[index].version += 1
            value.requests[index].updatedAt = now
            if hasChanged {
                let action = action ?? Self.consequence(before, request)
                effects.insert(.audit(action: action, requestID: request.id), at: 0)
            }
            if before.launch != request.launch || before.state != request.state { effects.append(.launchMoved) }
        }
        return Outcome(districtCase: value, effects: effects, decided: actions.map(\.id))
    }

    /// Whether the next step shown since the request was last changed is another one now.
    private func hasAnotherStep(
        _ before: IntegrationRequest, _ request: IntegrationRequest, _ settled: DistrictCase
    ) -> Bool {
        original.shown(before).nextStep(now: before.updatedAt) != settled.shown(request).nextStep(now: now)
    }

    /// The audit action of a request that changed because something else did.
    private static func consequence(_ before: IntegrationRequest, _ request: IntegrationRequest) -> String {
        if before.launch.status != request.launch.status, request.launch.status == .launched { return "request.launch" }
        return before.awaiting != request.awaiting ? "request.awaiting" : "request.move_launch"
    }

    private func settleAwaiting(_ request: inout IntegrationRequest) {
        request.awaiting = request.kind == .rostering && request.state.isOpen && !value.isSSOApproved ? .sso : nil
    }

    /// The launch's instant and status follow from the date, the zone, the state and the time.
    private mutating func settleLaunch(_ request: inout IntegrationRequest) {
        guard request.launch.status != .launched else { return }
        request.launch.at = request.launch.date?.firstInstant(in: value.district.zone)
        guard request.state.isWizardComplete else {
            request.launch.status = .waiting
            return
        }
        if let at = request.launch.at, at > now {
            request.launch.status = .scheduled
        } else {
            request.launch.status = .launched
            request.launch.launchedAt = now
            // Where the launch is the action, or the only consequence, its audit entry tells it.
            if let action = actions.first(where: { $0.id == request.id })?.action, action != "request.launch" {
                effects.append(.note(requestID: request.id, type: .launch, text: "Launched."))
            }
        }
    }

    // MARK: What the commands share

    /// Changes the request in place and notes the action.
    mutating func change(_ id: UUID, _ action: String, _ body: (inout IntegrationRequest) -> Void) {
        guard let index = value.requests.firstIndex(where: { $0.id == id }) else { return }
        body(&value.requests[index])
        actions.append((id, "request.\(action)"))
    }

    func refuse(_ request: IntegrationRequest) -> Refusal {
        .transitionNotAllowed(state: request.state, allowed: request.state.allowedActions)
    }

    /// A date from a person: not before today, not more than two years ahead.
    func check(_ date: CalendarDate?, pointer: String = "/launch_date", acceptsPast: Bool = false) throws(Refusal) {
        guard let date else { return }
        let today = value.today(now)
        if !acceptsPast, date < today {
            throw .invalid(
                pointer: pointer,
                detail:
                    "\(date) has passed: it is \(today) in \(value.district.timeZone). Give a later date, or null for none"
            )
        }
        if date > today.adding(years: 2) {
            throw .invalid(
                pointer: pointer, detail: "\(date) is more than two years ahead. Give an earlier date, or null for none"
            )
        }
    }

    mutating func mailRequesters(_ template: MailTemplate, _ ids: [UUID], message: String?) {
        let requests = ids.compactMap { value.request($0) }.sorted { $0.kind == .sso && $1.kind != .sso }
        var told: Set<String> = []
        for request in requests where told.insert(request.requester.email.lowercased()).inserted {
            effects.append(
                .mail(
                    Notice(
                        template: template, audience: .requester(request.requester), requestIDs: requests.map(\.id),
                        message: message)))
        }
    }

    mutating func mailAccountManager(_ template: MailTemplate, _ id: UUID, message: String?) {
        guard let address = value.district.accountManager else { return }
        effects.append(
            .mail(Notice(template: template, audience: .accountManager(address), requestIDs: [id], message: message)))
    }
}
