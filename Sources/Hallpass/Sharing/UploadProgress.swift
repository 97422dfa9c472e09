import Foundation
import HTTPServer
import Integrations
import Logging

/// Tells how an upload goes on: the log each second, and the request's timeline when it takes its time, first after two
/// seconds and then after twice as long each time. A note is written in a transaction of its own, since the upload's is
/// not committed before its end; an upload that is over in no time leaves only its last note.
final class UploadProgress {
    private static let logSeconds: TimeInterval = 1
    private static let firstNoteSeconds: TimeInterval = 2

    private let call: Call
    private let requestID: UUID
    private let districtID: UUID
    /// Whether notes are written: not for a dry run, which stores nothing, and not for an upload that is refused anyway.
    private let writesNotes: Bool
    private let startedAt: Date
    private var nextLog: Date
    private var nextNote: Date
    private var hasNote = false
    private(set) var lines = 0

    init(_ call: Call, requestID: UUID, districtID: UUID, writesNotes: Bool) {
        self.call = call
        self.requestID = requestID
        self.districtID = districtID
        self.writesNotes = writesNotes
        startedAt = call.now
        nextLog = startedAt.addingTimeInterval(Self.logSeconds)
        nextNote = startedAt.addingTimeInterval(Self.firstNoteSeconds)
        observe(.started)
    }

    func read(_ lines: Int) async {
        self.lines = lines
        let now = call.application.now()
        if now >= nextLog {
            nextLog = now.addingTimeInterval(Self.logSeconds)
            observe(.reading)
        }
        if now >= nextNote, writesNotes {
            nextNote = now.addingTimeInterval(now.timeIntervalSince(startedAt))
            hasNote = true
            await note("Shared data is being uploaded: \(SnapshotCounts.grouped(lines)) lines so far.", at: now)
        }
    }

    /// The upload is committed; its own transaction has written the note.
    func finished(_ counts: SnapshotCounts) { observe(.stored(counts)) }

    /// Nothing was stored. A timeline that told of the beginning tells of the end.
    func failed(_ why: String) async {
        observe(.failed(why))
        guard hasNote else { return }
        await note(
            "The upload ended after \(SnapshotCounts.grouped(lines)) lines: \(why). Nothing of it was stored; what was shared before still holds.",
            at: call.application.now())
    }

    private func note(_ text: String, at now: Date) async {
        guard let principal = call.principal else { return }
        let (requestID, districtID) = (requestID, districtID)
        do {
            try await call.application.perform(
                author: .token(principal), now: now, trace: call.trace
            ) { work in
                work.note(requestID: requestID, districtID: districtID, type: .sharing, text: text)
            }
        } catch {
            // The upload is what matters, and the log tells of its progress too.
            call.application.logger.debug("upload progress not noted", metadata: ["error": "\(error)"])
        }
    }

    private func observe(_ phase: Observation.UploadPhase) {
        call.application.observe(
            .upload(
                phase, requestID: call.request.id, integrationRequestID: requestID, lines: lines,
                seconds: call.application.now().timeIntervalSince(startedAt)))
    }
}
