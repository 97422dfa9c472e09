import Foundation

extension Step {
    // MARK: Launching

    mutating func reschedule(_ request: IntegrationRequest, _ date: CalendarDate?, _ reason: String?) throws(Refusal) {
        try check(date)
        guard request.state.isOpen else { throw refuse(request) }
        if request.launch.status == .launched { throw .alreadyLaunched }
        setDate(request, date)
        if let reason, date != request.launch.date {
            effects.append(.note(requestID: request.id, type: .launch, text: "Rescheduled: \(reason)"))
        }
        if date != request.launch.date, request.state.isApprovedOrFurther {
            mailRequesters(.rescheduled, [request.id], message: reason)
        }
    }

    mutating func followDistrictLaunchDate(_ date: CalendarDate?) throws(Refusal) {
        try check(date, acceptsPast: true)
        let moved = [Kind.sso, .rostering].compactMap { value.open($0) }.filter { request in
            (request.state == .approved || request.state == .shared) && request.launch.status != .launched
                && request.launch.date != date
        }
        for request in moved { setDate(request, date) }
        mailRequesters(.rescheduled, moved.map(\.id), message: nil)
    }

    private mutating func setDate(_ request: IntegrationRequest, _ date: CalendarDate?) {
        change(request.id, "reschedule") { $0.launch.date = date }
    }

    mutating func launchNow(_ request: IntegrationRequest) throws(Refusal) {
        guard request.state.isWizardComplete else { throw refuse(request) }
        if request.launch.status == .launched { throw .alreadyLaunched }
        if !hasItsSSO(request) { throw .ssoNotApproved }
        change(request.id, "launch") { [now] request in
            request.launch.status = .launched
            request.launch.launchedAt = now
        }
    }

    /// Only notes the action: settling launches what is due.
    mutating func dateHasCome(_ request: IntegrationRequest) {
        guard request.launch.status == .scheduled, let at = request.launch.at, at <= now else { return }
        change(request.id, "launch") { _ in }
    }

    private func hasItsSSO(_ request: IntegrationRequest) -> Bool { request.kind == .sso || value.isSSOApproved }

    // MARK: Sharing

    mutating func share(
        _ request: IntegrationRequest, _ method: SharingMethod, _ rules: String?, _ source: Sharing.Source
    ) throws(Refusal) {
        guard request.state == .approved else { throw refuse(request) }
        change(request.id, "share") { [now] request in
            request.state = .shared
            request.sharing = Sharing(method: method, rules: rules, completedAt: now, source: source)
        }
        mailAccountManager(.setupCompleted, request.id, message: nil)
    }

    mutating func replaceSharing(_ request: IntegrationRequest, _ method: SharingMethod, _ rules: String?) {
        guard var sharing = request.sharing, request.state.isWizardComplete,
            sharing.method != method || sharing.rules != rules
        else { return }
        sharing.method = method
        sharing.rules = rules
        sharing.source = .webhook
        change(request.id, "change_sharing") { $0.sharing = sharing }
        if let rostering = value.open(.rostering) { reviewSharingAgain(rostering) }
    }

    mutating func removeSharing(_ request: IntegrationRequest) {
        guard request.state.isWizardComplete else { return }
        change(request.id, "unshare") { request in
            request.state = .approved
            request.sharing = nil
            request.configuredAt = nil
            request.launch.status = .waiting
            request.launch.launchedAt = nil
        }
    }

    // MARK: Configuring

    static let sharingItem = "sharing_matches_sso"

    /// A difference that was accepted, or a match that was seen, is to be looked at again once the data has changed.
    mutating func reviewSharingAgain(_ request: IntegrationRequest) {
        guard request.state == .approved || request.state == .shared,
            request.checklist.contains(where: { $0.item == Self.sharingItem && $0.status != .open })
        else { return }
        change(request.id, "checklist") { request in
            for index in request.checklist.indices where request.checklist[index].item == Self.sharingItem {
                request.checklist[index] = ChecklistItem(item: Self.sharingItem)
            }
        }
        effects.append(
            .note(
                requestID: request.id, type: .sharing,
                text: "What is shared has changed since \(Self.sharingItem) was settled: look at it again."))
    }

    mutating func setChecklist(
        _ request: IntegrationRequest, _ item: String, _ status: ChecklistStatus, _ note: String?
    ) throws(Refusal) {
        guard let old = request.checklist.first(where: { $0.item == item }) else {
            throw .invalid(pointer: "/item", detail: "this request's checklist has no item \(item)")
        }
        if status == .waived, note == nil { throw .invalid(pointer: "/note", detail: "is required to waive: say why") }
        guard request.state == .approved || request.state == .shared else { throw refuse(request) }
        guard old.status != status || old.note != note else { return }
        change(request.id, "checklist") { [actor, now] request in
            for index in request.checklist.indices where request.checklist[index].item == item {
                request.checklist[index] =
                    status == .open
                    ? ChecklistItem(item: item, note: note)
                    : ChecklistItem(item: item, status: status, by: actor, at: now, note: note)
            }
        }
    }

    mutating func configure(
        _ request: IntegrationRequest, _ message: String?, completeChecklist: Bool
    ) throws(Refusal) {
        guard request.state == .shared else { throw refuse(request) }
        if !hasItsSSO(request) { throw .ssoNotApproved }
        let openItems = request.checklist.filter { $0.status == .open }.map(\.item)
        if !openItems.isEmpty, !completeChecklist { throw .checklistIncomplete(openItems: openItems) }
        change(request.id, "configure") { [actor, now] request in
            request.state = .configured
            request.configuredAt = now
            for index in request.checklist.indices where request.checklist[index].status == .open {
                request.checklist[index].status = .done
                request.checklist[index].by = actor
                request.checklist[index].at = now
            }
        }
        mailRequesters(.configured, [request.id], message: message)
    }

    mutating func reopen(_ request: IntegrationRequest, _ reason: String) throws(Refusal) {
        guard request.state == .configured else { throw refuse(request) }
        change(request.id, "reopen") { request in
            request.state = .shared
            request.configuredAt = nil
        }
        effects.append(.note(requestID: request.id, type: .note, text: "Reopened: \(reason)"))
    }
}
