import Foundation
import Testing

@testable import Integrations

// Every state × command against API §2's table, written out. A name is the state that follows; `=` the same state,
// changed; `.` nothing happens; `-` the refusal `transition_not_allowed` with the state's allowed actions.

private let states: [RequestState] = [
    .pending, .needsInfo, .approved, .shared, .configured, .declined, .withdrawn, .disconnected,
]

private let table = """
    approve          approved     approved     -            -            -            -            -            -
    decline          declined     declined     -            -            -            -            -            -
    request-info     needs_info   -            -            -            -            -            -            -
    provide-info     -            pending      -            -            -            -            -            -
    withdraw         withdrawn    withdrawn    withdrawn    -            -            -            -            -
    share            -            -            shared       -            -            -            -            -
    configure        -            -            -            configured   -            -            -            -
    reopen           -            -            -            -            shared       -            -            -
    disconnect       -            -            disconnected disconnected disconnected -            -            -
    reschedule       =            =            =            =            =            -            -            -
    launch           -            -            -            =            =            -            -            -
    checklist        -            -            =            =            -            -            -            -
    amend            =            =            =            =            =            -            -            -
    change-wish      =            =            =            =            =            .            .            .
    end-by-district  withdrawn    withdrawn    withdrawn    disconnected disconnected .            .            .
    replace-sharing  .            .            .            =            =            .            .            .
    remove-sharing   .            .            .            approved     approved     .            .            .
    delete-district  disconnected disconnected disconnected disconnected disconnected .            .            .
    follow-date      .            .            =            =            .            .            .            .
    date-has-come    .            .            .            =            =            .            .            .
    day-has-come     .            .            .            .            .            .            .            .
    """

private let allowed: [RequestState: [String]] = [
    .pending: ["approve", "decline", "request-info", "withdraw"],
    .needsInfo: ["provide-info", "approve", "decline", "withdraw"],
    .approved: ["share", "withdraw", "disconnect"],
    .shared: ["configure", "disconnect"],
    .configured: ["reopen", "disconnect"],
    .declined: [], .withdrawn: [], .disconnected: [],
]

private let commands: [String: Command] = [
    "approve": .approve(launchDate: .keep, message: nil, withPair: false),
    "decline": .decline(reason: "no"),
    "request-info": .requestInfo(message: "which schools?"),
    "provide-info": .provideInfo(message: "all of them"),
    "withdraw": .withdraw(reason: nil),
    "share": .share(method: .district, rules: nil, source: .manual),
    "configure": .configure(message: nil, completeChecklist: true),
    "reopen": .reopen(reason: "again"),
    "disconnect": .disconnect(reason: "over"),
    "reschedule": .reschedule(date: Fixture.date("2026-12-02"), reason: nil),
    "launch": .launchNow,
    "checklist": .setChecklist(item: "data_reviewed", status: .done, note: nil),
    "amend": .amend(requester: Requester(name: "Kim", email: "kim@demo.k12.ca.us", title: nil), message: "m"),
    "change-wish": .changeWish(
        launchDate: Fixture.date("2026-12-03"), message: nil,
        requester: Requester(name: "Lee Park", email: "lee@demo.k12.ca.us", title: nil)),
    "end-by-district": .endByDistrict,
    "replace-sharing": .replaceSharing(method: .schools, rules: "[]"),
    "remove-sharing": .removeSharing,
    "delete-district": .deleteDistrict,
    "follow-date": .followDistrictLaunchDate(Fixture.date("2026-12-04")),
    "date-has-come": .dateHasCome,
    "day-has-come": .dayHasCome,
]

@Suite("The table of states and actions")
struct TransitionTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var command: String
        var state: RequestState
        var result: String
        var testDescription: String { "\(command) in \(state.rawValue): \(result)" }
    }

    static let rows: [Row] = table.split(separator: "\n").flatMap { line in
        let words = line.split(separator: " ").map(String.init)
        precondition(words.count == states.count + 1, "the row \(line)")
        return zip(states, words.dropFirst()).map { Row(command: words[0], state: $0, result: $1) }
    }

    @Test("every command in every state does what the table says", arguments: rows, Kind.allCases)
    func follows(row: Row, kind: Kind) throws {
        let request = Fixture.request(kind, row.state)
        // Rostering with the SSO it needs; the pair must not be what moves.
        let pair = Fixture.request(kind.pair, kind == .rostering ? .configured : .pending, date: nil)
        let value = DistrictCase(request, pair)
        let command = try #require(commands[row.command])
        let now = row.command == "date-has-come" ? Fixture.instant("2026-12-01T08:00:00Z") : Fixture.now
        if row.result == "-" {
            let expected = (allowed[row.state] ?? []).compactMap(ActionName.init)
            #expect(
                value.refusal(of: command, on: request, at: now)
                    == .transitionNotAllowed(state: row.state, allowed: expected))
            return
        }
        let outcome = try value.after(command, on: request, at: now)
        let after = try #require(outcome.request(request.id))
        switch row.result {
        case ".": #expect(after == request)
        case "=": #expect(after.state == request.state && after.version == 2 && after.updatedAt == now)
        default: #expect(after.state.rawValue == row.result && after.version == 2 && after.updatedAt == now)
        }
    }

    @Test("every command is in the table")
    func complete() {
        #expect(Set(Self.rows.map(\.command)) == Set(commands.keys))
    }

    @Test("the allowed actions are the table's, in its order", arguments: states)
    func allowedActions(state: RequestState) {
        #expect(state.allowedActions.map(\.rawValue) == allowed[state])
    }

    @Test("what has already happened is refused when it is asked for again, and mails nothing")
    func repeated() throws {
        let request = Fixture.request(.sso, .pending)
        for name in ["approve", "decline", "withdraw", "request-info"] {
            let command = try #require(commands[name])
            let once = try DistrictCase(request).after(command, on: request).districtCase
            let refusal = once.refusal(of: command, on: request)
            guard case .transitionNotAllowed(let state, _) = refusal else {
                Issue.record("\(name) twice: \(String(describing: refusal))")
                continue
            }
            #expect(state == once.request(request.id)?.state)
        }
    }
}
