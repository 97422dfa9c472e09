import Foundation
import Integrations

/// What a template may say, by name.
struct MailValues {
    let configuration: Configuration
    let notice: Notice
    let value: DistrictCase
    let requests: [IntegrationRequest]
    let now: Date

    var all: [String: Any] {
        var values = Self.brand(configuration)
        let kinds = Set(requests.map(\.kind))
        values["district"] = value.district.name
        values["kinds"] = kinds.count == 2 ? "SSO and rostering" : requests.first?.kind.title ?? ""
        if kinds.count == 2 { values["both"] = true }
        if kinds.contains(.sso) { values["has_sso"] = true }
        if kinds.contains(.rostering) { values["has_rostering"] = true }
        if kinds == [.sso] { values["is_sso"] = true }
        if kinds == [.rostering] { values["is_rostering"] = true }
        if let manager = value.district.accountManager { values["account_manager"] = manager }
        switch notice.audience {
        case .requester(let requester): values["requester"] = requester.name
        case .accountManager: values["to_account_manager"] = true
        }
        if let message = notice.message {
            values["message"] = true
            values["message_lines"] = message.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
                .map(String.init)
        }
        if let first = requests.first { values["next_step"] = value.nextStep(for: first, now: now).text }
        values["requests"] = requests.enumerated().map { members(of: $1, number: $0 + 1) }
        return values
    }

    /// What every mail has: the vendor's name, colours and signature.
    static func brand(_ configuration: Configuration) -> [String: Any] {
        let vendor = configuration.vendorName
        let brand = Color(configuration.brandColor)
        return [
            "vendor": vendor, "logo_text": configuration.logoText ?? vendor, "brand_color": configuration.brandColor,
            "brand_text_color": brand.contrast(with: .white) >= brand.contrast(with: .ink) ? "#ffffff" : "#111111",
            // Links in a colour that cannot be read on white would be none.
            "link_color": brand.contrast(with: .white) >= 4.5 ? configuration.brandColor : Configuration().brandColor,
            "link_color_dark": "#8ab4f8",
            "signature_lines": (configuration.mailSignature ?? "The \(vendor) team")
                .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init),
        ]
    }

    private func members(of request: IntegrationRequest, number: Int) -> [String: Any] {
        var members: [String: Any] = [
            "number": number, "kind": request.kind.title,
            "title": request.kind == .sso ? "SSO" : "Rostering", "district": value.district.name,
            "requester": request.requester.name, "requester_email": request.requester.email,
        ]
        if let state = value.district.state { members["district_state"] = state.rawValue }
        if let title = request.requester.title { members["requester_title"] = title }
        if let date = request.launch.date { members["launch_date"] = Self.words(date) }
        if request.launch.status == .launched { members["launched"] = true }
        if request.kind == .sso { members["is_sso"] = true } else { members["is_rostering"] = true }
        if let url = setupURL(of: request) { members["setup_url"] = url }
        if !request.state.isWizardComplete { members["setup_is_open"] = true }
        members["request_id"] = Identifier.format(request.id)
        if let method = request.sharing?.method { members["sharing_method"] = method.rawValue }
        let open = request.checklist.filter { $0.status == .open }.map(\.item)
        if !open.isEmpty { members["open_items_text"] = open.joined(separator: ", ") }
        if request.launch.status != .launched, let date = request.launch.date {
            members["starts_on"] = Self.words(date)
        }
        if request.kind == .rostering, let sso = value.open(.sso), sso.launch.status != .launched {
            if sso.state.isWizardComplete, let date = sso.launch.date {
                members["sso_starts_on"] = Self.words(date)
            } else {
                members["sso_waits_for_setup"] = true
            }
        }
        return members
    }

    /// The vendor's page at Clever for this district and kind; nil while the district's Clever id is not known.
    private func setupURL(of request: IntegrationRequest) -> String? {
        guard let cleverID = value.district.cleverID else {
            return configuration.setupURL.contains("{district}")
                ? nil : configuration.setupURL.replacing("{kind}", with: request.kind.rawValue)
        }
        return configuration.setupURL.replacing("{district}", with: cleverID)
            .replacing("{kind}", with: request.kind.rawValue)
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
