public import Foundation

/// What happens next with a request, and who has to do it.
public struct NextStep: Sendable, Hashable {
    public enum Owner: String, Sendable, Hashable, CaseIterable {
        case district, vendor, none
    }

    public var owner: Owner
    /// A sentence that a person can act on.
    public var text: String
}

extension ShownRequest {
    public func nextStep(now: Date) -> NextStep {
        switch request.state {
        case .pending: return nextDecision(now: now)
        case .needsInfo:
            return NextStep(owner: .district, text: "Answer the vendor's question; the request is decided after that.")
        case .approved:
            if request.awaiting != nil { return Self.ssoIsMissing }
            return NextStep(owner: .district, text: wizardText(now: now))
        case .shared: return nextSetup
        case .configured:
            if request.awaiting != nil {
                return NextStep(
                    owner: .vendor,
                    text: "SSO is no longer approved, so teachers cannot log in or import. Approve SSO again.")
            }
            if request.launch.status != .launched, let date = request.launch.date {
                return NextStep(owner: .none, text: "Nothing to do: it launches on \(date).")
            }
            return NextStep(
                owner: .none,
                text: request.kind == .sso
                    ? "Nothing to do: users can log in." : "Nothing to do: teachers can import rosters.")
        case .declined: return NextStep(owner: .none, text: "Declined. The district may ask again.")
        case .withdrawn: return NextStep(owner: .none, text: "Withdrawn. The district may ask again.")
        case .disconnected: return NextStep(owner: .none, text: "Disconnected. The district may ask again.")
        }
    }

    private static let ssoIsMissing = NextStep(
        owner: .vendor, text: "SSO is no longer approved, and rostering needs it. Approve an SSO request first.")

    private func nextDecision(now: Date) -> NextStep {
        if request.awaiting != nil {
            if pairState == nil {
                return NextStep(
                    owner: .district, text: "Ask for SSO too: rostering needs it. Both can then be approved at once.")
            }
            return NextStep(owner: .vendor, text: "Approve the SSO request first, or both at once.")
        }
        if let date = request.launch.date, hasPassed(date, now) {
            return NextStep(
                owner: .vendor,
                text: "The launch date \(date) has passed: agree on a new one, and approve with it, or decline.")
        }
        if request.kind == .sso, pairState?.isUndecided == true {
            return NextStep(
                owner: .vendor, text: "Approve or decline; rostering waits too, and both can be approved at once.")
        }
        return NextStep(owner: .vendor, text: "Approve or decline the request.")
    }

    private func wizardText(now: Date) -> String {
        var text = "Complete Clever's sharing wizard for \(request.kind.title)"
        switch pairState {
        case .shared, .configured: text += ", with the same sharing rules as for \(request.kind.pair.title)."
        case .pending, .needsInfo, .approved: text += "; use the same sharing rules for SSO and rostering."
        case .declined, .withdrawn, .disconnected, nil: text += "."
        }
        if let date = request.launch.date, hasPassed(date, now) {
            text += " The launch date \(date) has passed: it launches as soon as the wizard is complete."
        }
        return text
    }

    private var nextSetup: NextStep {
        if request.awaiting != nil { return Self.ssoIsMissing }
        let openItems = request.checklist.filter { $0.status == .open }.map(\.item)
        var text =
            openItems.isEmpty
            ? "Configure the account: the checklist is complete."
            : "Review the shared data and configure the account. Open on the checklist: \(openItems.joined(separator: ", "))."
        if request.launch.status == .launched {
            text +=
                request.kind == .rostering
                ? " It has launched, but teachers cannot import rosters until this is done." : " It has launched."
        } else if let date = request.launch.date {
            text += " It launches on \(date)."
        }
        return NextStep(owner: .vendor, text: text)
    }

    private func hasPassed(_ date: CalendarDate, _ now: Date) -> Bool {
        date < CalendarDate(now, in: IANATimeZone.zone(district.timeZone))
    }
}
