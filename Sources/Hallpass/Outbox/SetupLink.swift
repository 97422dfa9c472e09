import Integrations

/// The vendor's page at Clever, made from `HALLPASS_SETUP_URL`: taken apart once, since a mail names it for every request.
struct SetupLink: Sendable {
    private enum Piece {
        case fixed(String)
        case district
        case kind
    }

    private let pieces: [Piece]
    private let namesDistrict: Bool

    init(_ pattern: String) {
        var pieces: [Piece] = []
        var rest = pattern[...]
        while let open = rest.firstIndex(of: "{") {
            pieces.append(.fixed(String(rest[..<open])))
            rest = rest[open...]
            if rest.hasPrefix("{district}") {
                pieces.append(.district)
                rest = rest.dropFirst("{district}".count)
            } else if rest.hasPrefix("{kind}") {
                pieces.append(.kind)
                rest = rest.dropFirst("{kind}".count)
            } else {
                pieces.append(.fixed("{"))
                rest = rest.dropFirst()
            }
        }
        self.pieces = pieces + [.fixed(String(rest))]
        namesDistrict = pattern.contains("{district}")
    }

    /// Nil while the district's Clever id is needed and not known.
    func url(cleverID: String?, _ kind: Kind) -> String? {
        if namesDistrict, cleverID == nil { return nil }
        var url = ""
        for piece in pieces {
            switch piece {
            case .fixed(let text): url += text
            case .district: url += cleverID ?? ""
            case .kind: url += kind.rawValue
            }
        }
        return url
    }
}
