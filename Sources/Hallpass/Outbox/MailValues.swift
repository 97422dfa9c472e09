import Foundation
import Integrations

/// What a template may say, by name.
struct MailValues {
    let setupLink: SetupLink
    let notice: Notice
    let value: DistrictCase
    let requests: [IntegrationRequest]
    let now: Date

    var all: TemplateValues {
        var values: TemplateValues = [:]
        let hasSSO = requests.contains { $0.kind == .sso }
        let hasRostering = requests.contains { $0.kind == .rostering }
        values.say("district", value.district.name)
        values.say("kinds", hasSSO && hasRostering ? "SSO and rostering" : requests.first?.kind.title ?? "")
        values.say("both", hasSSO && hasRostering)
        values.say("has_sso", hasSSO)
        values.say("has_rostering", hasRostering)
        values.say("is_sso", hasSSO && !hasRostering)
        values.say("is_rostering", hasRostering && !hasSSO)
        values.say("account_manager", value.district.accountManager)
        switch notice.audience {
        case .requester(let requester): values.say("requester", requester.name)
        case .accountManager: values.say("to_account_manager", true)
        }
        if let message = notice.message {
            values.say("message", true)
            values.say("message_lines", .lines(Self.lines(message)))
        }
        if let first = requests.first { values.say("next_step", value.shown(first).nextStep(now: now).text) }
        values.say("requests", .list(requests.enumerated().map { members(of: $1, number: $0 + 1) }))
        return values
    }

    /// What every mail has: the vendor's name, colours and signature.
    static func brand(_ configuration: Configuration) -> TemplateValues {
        let vendor = configuration.vendorName
        let brand = Color(configuration.brandColor)
        return [
            "vendor": .text(vendor), "logo_text": .text(configuration.logoText ?? vendor),
            "brand_color": .text(configuration.brandColor),
            "brand_text_color": .text(
                brand.contrast(with: .white) >= brand.contrast(with: .ink) ? "#ffffff" : "#111111"),
            // Links in a colour that cannot be read on white would be none.
            "link_color": .text(
                brand.contrast(with: .white) >= 4.5 ? configuration.brandColor : Configuration().brandColor),
            "link_color_dark": .text("#8ab4f8"),
            "signature_lines": .lines(lines(configuration.mailSignature ?? "The \(vendor) team")),
        ]
    }

    private static func lines(_ text: String) -> [String] {
        text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
    }

    private func members(of request: IntegrationRequest, number: Int) -> TemplateValues {
        var members: TemplateValues = [
            "number": .number(number), "kind": .text(request.kind.title),
            "title": .text(request.kind == .sso ? "SSO" : "Rostering"), "district": .text(value.district.name),
            "requester": .text(request.requester.name), "requester_email": .text(request.requester.email),
        ]
        let isLaunched = request.launch.status == .launched
        let date = request.launch.date.map(Self.words)
        members.say("district_state", value.district.state?.rawValue)
        members.say("requester_title", request.requester.title)
        members.say("launch_date", date)
        members.say("launched", isLaunched)
        members.say("is_sso", request.kind == .sso)
        members.say("is_rostering", request.kind == .rostering)
        members.say("setup_url", setupLink.url(cleverID: value.district.cleverID, request.kind))
        members.say("setup_is_open", !request.state.isWizardComplete)
        members.say("request_id", Identifier.format(request.id))
        members.say("sharing_method", request.sharing?.method.rawValue)
        let open = request.checklist.filter { $0.status == .open }.map(\.item)
        if !open.isEmpty { members.say("open_items_text", open.joined(separator: ", ")) }
        if !isLaunched { members.say("starts_on", date) }
        if request.kind == .rostering, let sso = value.open(.sso), sso.launch.status != .launched {
            if sso.state.isWizardComplete, let date = sso.launch.date {
                members.say("sso_starts_on", Self.words(date))
            } else {
                members.say("sso_waits_for_setup", true)
            }
        }
        return members
    }

    /// `Tuesday, December 1, 2026`
    static func words(_ date: CalendarDate) -> String {
        let months = [
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November",
            "December",
        ]
        let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
        // Zeller's congruence, shifted so that 0 is Sunday.
        let shift = (14 - date.month) / 12
        let year = date.year - shift
        let weekday =
            (date.day + year + year / 4 - year / 100 + year / 400 + 31 * (date.month + 12 * shift - 2) / 12) % 7
        return "\(days[weekday]), \(months[date.month - 1]) \(date.day), \(date.year)"
    }

    /// Every name that a template may use, for the digest and the test too.
    static let names: Set<String> = [
        "vendor", "logo_text", "brand_color", "brand_text_color", "link_color", "link_color_dark", "signature_lines",
        "subject", "preview", "district", "kinds", "both", "has_sso", "has_rostering", "is_sso", "is_rostering",
        "account_manager", "requester", "to_account_manager", "message", "message_lines", "next_step", "requests",
        "number", "kind", "title", "requester_email", "district_state", "requester_title", "launch_date", "launched",
        "setup_url", "setup_is_open", "request_id", "sharing_method", "open_items_text", "starts_on", "sso_starts_on",
        "sso_waits_for_setup", "day", "headline", "sections", "heading", "heading_upper", "count", "rows", "text",
        "detail", "more",
    ]
}

/// A colour of the screen, `#rrggbb`.
struct Color: Sendable {
    static let white = Color("#ffffff")
    static let ink = Color("#111111")

    private let value: Int

    init(_ text: String) { value = Int(text.dropFirst(), radix: 16) ?? 0 }

    /// From 1 to 21 (WCAG 2.1, contrast ratio); text needs 4.5.
    func contrast(with other: Color) -> Double {
        let (a, b) = (luminance, other.luminance)
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)
    }

    private var luminance: Double {
        func linear(_ shift: Int) -> Double {
            let part = Double(value >> shift & 255) / 255
            return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0)
    }
}
