import Foundation
import Integrations
import Postgres
import Synchronization

// A request's JSON is a function of its row (its district's facts and the other request's among them) and, by the date
// that may have passed, of the quarter of an hour: no time zone has its midnight elsewhere. Making it costs more than all
// else about reading one, so what was made last is kept and used again as long as the row comes back as it was, by its
// fingerprint. Nothing has to be told of a change, and nothing stale can be shown. Two generations bound it: what was not used
// while the younger one filled up goes.

/// What requests looked like when they were last shown, by id. Any thread.
final class RenderedRequests: Sendable {
    /// One request as JSON.
    struct Rendering: Sendable {
        var json: [UInt8]
        var version: Int
    }

    private struct Kept: Sendable {
        /// Of everything that was read.
        var fingerprint: Fingerprint
        var quarter: Int
        var rendering: Rendering
    }

    private struct Generations {
        var young: [UUID: Kept] = [:]
        var old: [UUID: Kept] = [:]
    }

    private let state = Mutex(Generations())
    private let generationLimit: Int

    /// - Parameter capacity: requests, one or two KiB each.
    init(capacity: Int) { generationLimit = max(1, capacity / 2) }

    /// The JSON of a request: as it was, or rendered anew.
    /// - Parameter row: as `ShownRequestRows` has it.
    func rendering(of row: Row, now: Date) throws -> Rendering {
        try rendering(of: row.get(0), from: row, now: now) {
            let shown = try ShownRequestRows.value(row)
            var writer = JSONWriter(reserving: 2048)
            RequestJSON.write(shown, now: now, to: &writer)
            return Rendering(json: writer.bytes, version: shown.request.version)
        }
    }

    /// - Parameters:
    ///   - row: all that `render` looks at beside `now`.
    func rendering(of id: UUID, from row: Row, now: Date, _ render: () throws -> Rendering) throws -> Rendering {
        var fingerprint = Fingerprint()
        row.mix(into: &fingerprint)
        let quarter = Int((now.timeIntervalSince1970 / 900).rounded(.down))
        if let entry = entry(of: id), entry.quarter == quarter, entry.fingerprint == fingerprint {
            return entry.rendering
        }
        let rendering = try render()
        let entry = Kept(fingerprint: fingerprint, quarter: quarter, rendering: rendering)
        state.withLock { put(entry, of: id, &$0) }
        return rendering
    }

    /// How many are kept.
    var count: Int { state.withLock { $0.young.count + $0.old.count } }

    private func entry(of id: UUID) -> Kept? {
        state.withLock { state in
            if let entry = state.young[id] { return entry }
            guard let entry = state.old.removeValue(forKey: id) else { return nil }
            put(entry, of: id, &state)
            return entry
        }
    }

    private func put(_ entry: Kept, of id: UUID, _ state: inout Generations) {
        if state.young.count >= generationLimit {
            state.old = state.young
            state.young = [:]
        }
        state.young[id] = entry
    }
}
