import Foundation

/// Whether a teacher may log in and import, and if not, every reason why (API §5).
public struct Access: Sendable, Hashable {
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case notSharedSSO = "not_shared_sso"
        case notSharedRostering = "not_shared_rostering"
        case ssoNotLaunched = "sso_not_launched"
        case rosteringNotLaunched = "rostering_not_launched"
        case rosteringNotConfigured = "rostering_not_configured"

        /// What is in the way, and who can clear it.
        public var text: String {
            switch self {
            case .notSharedSSO:
                "The district does not share this teacher for SSO. Its administrator can add them to the SSO sharing rules in Clever."
            case .notSharedRostering:
                "The district does not share this teacher for rostering. Its administrator can add them to the rostering sharing rules in Clever."
            case .ssoNotLaunched: "SSO has not launched for this district yet."
            case .rosteringNotLaunched: "Rostering has not launched for this district yet."
            case .rosteringNotConfigured:
                "The account manager has not finished configuring rostering. An e-mail tells the district when they have."
            }
        }
    }

    public var canLogIn: Bool
    public var canImportRoster: Bool
    /// In the contract's order.
    public var reasons: [Code]

    /// Where a teacher stands with one kind: the district's open request of it, and whether it holds the teacher.
    public struct Standing: Sendable, Hashable {
        /// The wizard is complete, and the request's snapshot holds the teacher.
        public var isShared: Bool
        public var hasLaunched: Bool
        public var isConfigured: Bool

        /// There is no open request.
        public static let none = Standing(isShared: false, hasLaunched: false, isConfigured: false)

        private init(isShared: Bool, hasLaunched: Bool, isConfigured: Bool) {
            self.isShared = isShared
            self.hasLaunched = hasLaunched
            self.isConfigured = isConfigured
        }

        /// - Parameter holdsTeacher: whether the request's snapshot does.
        public init(state: RequestState, launchStatus: LaunchStatus, holdsTeacher: Bool) {
            isShared = state.isWizardComplete && holdsTeacher
            hasLaunched = state.isWizardComplete && launchStatus == .launched
            isConfigured = state == .configured
        }
    }

    public init(sso: Standing, rostering: Standing) {
        var reasons: [Code] = []
        if !sso.isShared { reasons.append(.notSharedSSO) }
        if !rostering.isShared { reasons.append(.notSharedRostering) }
        if !sso.hasLaunched { reasons.append(.ssoNotLaunched) }
        if !rostering.hasLaunched { reasons.append(.rosteringNotLaunched) }
        if !rostering.isConfigured { reasons.append(.rosteringNotConfigured) }
        canLogIn = sso.isShared && sso.hasLaunched
        canImportRoster = reasons.isEmpty
        self.reasons = reasons
    }
}

/// What differing sharing rules mean for people, in words they can act on.
public struct Consequence: Sendable, Hashable {
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case ssoOnly = "sso_only"
        case rosteringOnly = "rostering_only"
    }

    public var code: Code
    public var text: String
    /// Teachers concerned.
    public var count: Int

    /// - Parameters: teachers shared with one kind only.
    public static func of(ssoOnly: Int, rosteringOnly: Int) -> [Consequence] {
        var consequences: [Consequence] = []
        if ssoOnly > 0 {
            consequences.append(
                Consequence(
                    code: .ssoOnly,
                    text:
                        "\(teachers(ssoOnly)) shared with SSO only: they can log in but not import their roster. Share them for rostering too.",
                    count: ssoOnly))
        }
        if rosteringOnly > 0 {
            consequences.append(
                Consequence(
                    code: .rosteringOnly,
                    text:
                        "\(teachers(rosteringOnly)) shared with rostering only: they can neither log in nor import their roster. Share them for SSO too.",
                    count: rosteringOnly))
        }
        return consequences
    }

    private static func teachers(_ count: Int) -> String { count == 1 ? "1 teacher is" : "\(count) teachers are" }
}

/// What an upload of shared data should make its reader look at.
public struct SharingWarning: Sendable, Hashable {
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case sectionsWithoutTeachers = "sections_without_teachers"
        case sectionsWithoutStudents = "sections_without_students"
        case teachersWithoutEmail = "teachers_without_email"
        case staffIgnored = "staff_ignored"

        public var text: String {
            switch self {
            case .sectionsWithoutTeachers: "These sections have no teacher, so nobody can import them."
            case .sectionsWithoutStudents: "These sections have no students, so they import as empty classes."
            case .teachersWithoutEmail: "These teachers have no e-mail address; they are told apart by their Clever id."
            case .staffIgnored: "Staff records are not processed. To create admins, contact your account manager."
            }
        }
    }

    public var code: Code
    public var count: Int

    public init(code: Code, count: Int) {
        self.code = code
        self.count = count
    }
}
