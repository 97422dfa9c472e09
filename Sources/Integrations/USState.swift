public import Foundation

/// A US postal code, with the District of Columbia and the territories that have schools.
public enum USState: String, Sendable, Hashable, CaseIterable {
    case AL, AK, AZ, AR, CA, CO, CT, DE, FL, GA, HI, ID, IL, IN, IA, KS, KY, LA, ME, MD, MA, MI, MN, MS, MO, MT, NE, NV
    case NH, NJ, NM, NY, NC, ND, OH, OK, OR, PA, RI, SC, SD, TN, TX, UT, VT, VA, WA, WV, WI, WY
    case DC, PR, GU, VI, AS, MP

    /// The zone that most of its people live in.
    public var mostPopulousTimeZone: String {
        switch self {
        case .AK: "America/Anchorage"
        case .AZ: "America/Phoenix"
        case .CA, .NV, .OR, .WA: "America/Los_Angeles"
        case .CO, .MT, .NM, .UT, .WY: "America/Denver"
        case .ID: "America/Boise"
        case .AL, .AR, .IL, .IA, .KS, .LA, .MN, .MS, .MO, .NE, .ND, .OK, .SD, .TN, .TX, .WI: "America/Chicago"
        case .HI: "Pacific/Honolulu"
        case .IN: "America/Indiana/Indianapolis"
        case .MI: "America/Detroit"
        case .PR: "America/Puerto_Rico"
        case .VI: "America/St_Thomas"
        case .GU: "Pacific/Guam"
        case .MP: "Pacific/Saipan"
        case .AS: "Pacific/Pago_Pago"
        case .CT, .DE, .FL, .GA, .KY, .ME, .MD, .MA, .NH, .NJ, .NY, .NC, .OH, .PA, .RI, .SC, .VT, .VA, .WV, .DC:
            "America/New_York"
        }
    }
}

/// Names of the tz database.
public enum IANATimeZone {
    /// The zone assumed where neither a zone nor a state is known.
    public static let fallback = "America/New_York"

    /// Whether the name is one of the tz database's, such as `America/Los_Angeles` or `UTC`, its older spellings
    /// (`US/Pacific`) among them. Abbreviations (`PST`) and offsets (`GMT+3`) are not.
    public static func isKnown(_ name: String) -> Bool {
        if name == "UTC" { return true }
        guard name.contains("/"), !name.hasPrefix("SystemV/"), name.utf8.count <= 64 else { return false }
        return TimeZone(identifier: name)?.identifier == name
    }

    /// The zone by its name. A name that this system does not know counts as the fallback.
    public static func zone(_ name: String) -> TimeZone {
        TimeZone(identifier: name) ?? TimeZone(identifier: fallback) ?? TimeZone(secondsFromGMT: -5 * 3600) ?? .gmt
    }
}
