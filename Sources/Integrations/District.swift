public import Foundation

public enum DistrictType: String, Sendable, Hashable, CaseIterable {
    case district, school
}

public enum TimeZoneSource: String, Sendable, Hashable, CaseIterable {
    case given, assumed
}

public struct Contact: Sendable, Hashable {
    public var name: String
    public var email: String
    public var role: String

    public init(name: String, email: String, role: String) {
        self.name = name
        self.email = email
        self.role = role
    }
}

/// Who may be taught: sharing grants no license and takes no seat.
public struct License: Sendable, Hashable {
    /// Nil when nobody has said.
    public var seats: Int?
    /// Clever ids.
    public var licensedTeachers: [String]

    public init(seats: Int? = nil, licensedTeachers: [String] = []) {
        self.seats = seats
        self.licensedTeachers = licensedTeachers
    }
}

/// A district, or a single school: Clever calls both a district.
public struct District: Sendable, Hashable {
    public var id: UUID
    public var cleverID: String?
    public var name: String
    public var type: DistrictType
    public var state: USState?
    public var ncesID: String?
    /// A name of the tz database.
    public var timeZone: String
    public var timeZoneSource: TimeZoneSource
    public var accountManager: String?
    public var contacts: [Contact]
    public var license: License
    /// Clever's sync facts as last reported, a JSON object.
    public var clever: String?
    public var version: Int
    public var createdAt: Date
    public var updatedAt: Date

    public init(
        id: UUID, cleverID: String?, name: String, type: DistrictType, state: USState?, ncesID: String?,
        timeZone: String, timeZoneSource: TimeZoneSource, accountManager: String?, contacts: [Contact],
        license: License, clever: String?, version: Int, createdAt: Date, updatedAt: Date
    ) {
        self.id = id
        self.cleverID = cleverID
        self.name = name
        self.type = type
        self.state = state
        self.ncesID = ncesID
        self.timeZone = timeZone
        self.timeZoneSource = timeZoneSource
        self.accountManager = accountManager
        self.contacts = contacts
        self.license = license
        self.clever = clever
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    public var zone: TimeZone { IANATimeZone.zone(timeZone) }

    public var summary: DistrictSummary {
        DistrictSummary(
            id: id, cleverID: cleverID, name: name, type: type, state: state, timeZone: timeZone,
            accountManager: accountManager)
    }
}

/// What a request shows of its district.
public struct DistrictSummary: Sendable, Hashable {
    public var id: UUID
    public var cleverID: String?
    public var name: String
    public var type: DistrictType
    public var state: USState?
    /// A name of the tz database.
    public var timeZone: String
    public var accountManager: String?

    public init(
        id: UUID, cleverID: String?, name: String, type: DistrictType, state: USState?, timeZone: String,
        accountManager: String?
    ) {
        self.id = id
        self.cleverID = cleverID
        self.name = name
        self.type = type
        self.state = state
        self.timeZone = timeZone
        self.accountManager = accountManager
    }
}
