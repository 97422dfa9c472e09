import Foundation

extension Step {
    mutating func carryOut(_ command: Command, on requestID: UUID?) throws(Refusal) {
        switch command {
        case .create(let new): try create(new)
        case .approveAll(let date, let message): try approveAll(date, message)
        case .deleteDistrict:
            for request in value.requests where request.state.isOpen {
                end(request, as: .disconnected, "disconnect")
            }
        case .followDistrictLaunchDate(let date): try followDistrictLaunchDate(date)
        case .changeDistrict(let district): value.district = district
        case .dayHasCome: return
        default:
            guard let request = requestID.flatMap({ value.request($0) }) else {
                preconditionFailure("the command is about a request of the case")
            }
            try carryOut(command, on: request)
        }
    }

    private mutating func carryOut(_ command: Command, on request: IntegrationRequest) throws(Refusal) {
        switch command {
        case .approve(let date, let message, let withPair): try approve(request, date, message, withPair: withPair)
        case .decline(let reason): try decline(request, reason)
        case .requestInfo(let message): try requestInfo(request, message)
        case .provideInfo(let message): try provideInfo(request, message)
        case .withdraw(let reason): try withdraw(request, reason)
        case .reschedule(let date, let reason): try reschedule(request, date, reason)
        case .launchNow: try launchNow(request)
        case .share(let method, let rules, let source): try share(request, method, rules, source)
        case .setChecklist(let item, let status, let note): try setChecklist(request, item, status, note)
        case .configure(let message, let complete): try configure(request, message, completeChecklist: complete)
        case .reopen(let reason): try reopen(request, reason)
        case .disconnect(let reason): try disconnect(request, reason)
        case .amend(let requester, let message): try amend(request, requester, message)
        case .reviewSharingAgain: reviewSharingAgain(request)
        case .changeWish(let date, let message, let requester): try changeWish(request, date, message, requester)
        case .endByDistrict: endByDistrict(request)
        case .replaceSharing(let method, let rules): replaceSharing(request, method, rules)
        case .removeSharing: removeSharing(request)
        case .dateHasCome: dateHasCome(request)
        case .create, .approveAll, .deleteDistrict, .followDistrictLaunchDate, .changeDistrict, .dayHasCome: return
        }
    }

    // MARK: Asking and deciding

    private mutating func create(_ new: NewRequest) throws(Refusal) {
        try check(new.launchDate, acceptsPast: new.source == .webhook)
        if let existing = value.open(new.kind) {
            throw .requestExists(id: existing.id, state: existing.state, kind: existing.kind)
        }
        value.requests.append(
            IntegrationRequest(
                id: new.id, districtID: value.district.id, kind: new.kind, attempt: new.attempt, state: .pending,
                awaiting: nil, requester: new.requester, message: new.message, source: new.source,
                externalID: new.externalID,
                launch: Launch(
                    requestedDate: new.launchDate, date: new.launchDate, at: nil, status: .waiting, launchedAt: nil),
                sharing: nil, checklist: new.checklist.map { ChecklistItem(item: $0) },
                decision: Decision(by: nil, at: nil, message: nil), configuredAt: nil, version: 1, createdAt: now,
                updatedAt: now))
        actions.append((new.id, "request.create"))
        mailAccountManager(.newRequest, new.id, message: new.message)
    }

    private mutating func approve(
        _ request: IntegrationRequest, _ date: LaunchDateChoice, _ message: String?, withPair: Bool
    ) throws(Refusal) {
        if case .set(let date) = date { try check(date) }
        guard request.state.isUndecided else { throw refuse(request) }
        var requests = [request]
        if withPair, let other = value.open(request.kind.pair), other.state.isUndecided { requests.append(other) }
        try approve(requests, date, message)
    }

    private mutating func approveAll(_ date: LaunchDateChoice, _ message: String?) throws(Refusal) {
        if case .set(let date) = date { try check(date) }
        let requests = [Kind.sso, .rostering].compactMap { value.open($0) }.filter(\.state.isUndecided)
        if requests.isEmpty { throw .nothingToApprove }
        try approve(requests, date, message)
    }

    private mutating func approve(
        _ requests: [IntegrationRequest], _ choice: LaunchDateChoice, _ message: String?
    ) throws(Refusal) {
        let needsSSO = requests.contains { $0.kind == .rostering } && !requests.contains { $0.kind == .sso }
        if needsSSO, !value.isSSOApproved { throw .ssoNotApproved }
        if choice == .keep {
            for request in requests {
                if let date = request.launch.date, date < value.today(now) { throw .launchDatePassed(date) }
            }
        }
        for request in requests {
            change(request.id, "approve") { [actor, now] request in
                request.state = .approved
                request.decision = Decision(by: actor, at: now, message: message)
                if case .set(let date) = choice { request.launch.date = date }
            }
        }
        mailRequesters(.approved, requests.map(\.id), message: message)
    }

    private mutating func decline(_ request: IntegrationRequest, _ reason: String) throws(Refusal) {
        guard request.state.isUndecided else { throw refuse(request) }
        change(request.id, "decline") { [actor, now] request in
            request.state = .declined
            request.decision = Decision(by: actor, at: now, message: reason)
        }
        mailRequesters(.declined, [request.id], message: reason)
    }

    private mutating func requestInfo(_ request: IntegrationRequest, _ message: String) throws(Refusal) {
        guard request.state == .pending else { throw refuse(request) }
        change(request.id, "request_info") { $0.state = .needsInfo }
        effects.append(.note(requestID: request.id, type: .note, text: "Asked the district: \(message)"))
        mailRequesters(.infoRequested, [request.id], message: message)
    }

    private mutating func provideInfo(_ request: IntegrationRequest, _ message: String) throws(Refusal) {
        guard request.state == .needsInfo else { throw refuse(request) }
        change(request.id, "provide_info") { $0.state = .pending }
        effects.append(.note(requestID: request.id, type: .note, text: "The district answered: \(message)"))
        mailAccountManager(.infoProvided, request.id, message: message)
    }

    private mutating func withdraw(_ request: IntegrationRequest, _ reason: String?) throws(Refusal) {
        guard request.state.isUndecided || request.state == .approved else { throw refuse(request) }
        end(request, as: .withdrawn, "withdraw", reason: reason)
    }

    private mutating func disconnect(_ request: IntegrationRequest, _ reason: String) throws(Refusal) {
        guard request.state.isApprovedOrFurther else { throw refuse(request) }
        end(request, as: .disconnected, "disconnect", reason: reason)
    }

    private mutating func end(
        _ request: IntegrationRequest, as state: RequestState, _ action: String, reason: String? = nil
    ) {
        change(request.id, action) { $0.state = state }
        if let reason { effects.append(.note(requestID: request.id, type: .note, text: "Reason: \(reason)")) }
        if state == .withdrawn { mailAccountManager(.withdrawn, request.id, message: reason) }
    }

    private mutating func endByDistrict(_ request: IntegrationRequest) {
        if request.state.isWizardComplete {
            end(request, as: .disconnected, "disconnect")
        } else if request.state.isOpen {
            end(request, as: .withdrawn, "withdraw")
        }
    }

    private mutating func amend(
        _ request: IntegrationRequest, _ requester: Requester, _ message: String?
    ) throws(Refusal) {
        guard request.state.isOpen else { throw refuse(request) }
        change(request.id, "amend") { request in
            request.requester = requester
            request.message = message
        }
    }

    private mutating func changeWish(
        _ request: IntegrationRequest, _ date: CalendarDate?, _ message: String?, _ requester: Requester
    ) throws(Refusal) {
        try check(date, acceptsPast: true)
        guard request.state.isOpen else { return }
        change(request.id, "change_wish") { request in
            request.requester = requester
            request.message = message
            request.launch.requestedDate = date
            if request.state.isUndecided { request.launch.date = date }
        }
    }
}
