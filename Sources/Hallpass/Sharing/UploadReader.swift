import Foundation
import Postgres

// Reads an upload's chunks and writes its rows, one COPY at a time on the transaction's connection. A COPY stays open while
// its rows come; only when another target has gathered a good deal is it ended and that one begun. Files are mostly in
// the order of their types, so a big one makes a handful of COPYs, and while the server works on what it was sent the
// next chunk is read. The reader outlives the transaction: after a bad line the rest is still read, to count.

final class UploadReader<Chunks: AsyncSequence> where Chunks.Element == ArraySlice<UInt8> {
    /// Bytes of rows before they are sent.
    private static var sendBytes: Int { 128 << 10 }
    /// Bytes of rows of other targets that end the COPY that is open.
    private static var switchBytes: Int { 2 << 20 }

    private(set) var builder: SnapshotBuilder
    private var chunks: Chunks.AsyncIterator
    private var isAtEnd = false
    /// Called after each chunk.
    private let progress: (Int) async -> Void

    init(_ chunks: Chunks, builder: consuming SnapshotBuilder, progress: @escaping (Int) async -> Void) {
        self.chunks = chunks.makeAsyncIterator()
        self.builder = builder
        self.progress = progress
    }

    /// Reads on to the end without writing anything.
    func readToEnd() async throws {
        while !isAtEnd {
            try await readChunk()
            for target in SnapshotBuilder.Target.allCases { builder.drop(target) }
        }
    }

    /// Notes bad lines that the database found.
    func refuse(repeated count: Int, lines: [Int]) {
        builder.refuse(.sectionTwice, count: count, lines: lines)
    }

    /// Reads to the end, or to the first bad line, and writes every row.
    func copy(into transaction: Transaction) async throws {
        while !builder.isRefused {
            if let target = next(atLeast: isAtEnd ? 1 : Self.sendBytes) {
                try await copy(target, into: transaction)
            } else if isAtEnd {
                return
            } else {
                try await readChunk()
            }
        }
    }

    /// The target with the most bytes waiting.
    private func next(atLeast bytes: Int) -> SnapshotBuilder.Target? {
        let fullest = SnapshotBuilder.Target.allCases.max { builder.pending($0) < builder.pending($1) }
        return fullest.flatMap { builder.pending($0) >= bytes ? $0 : nil }
    }

    private func copy(_ target: SnapshotBuilder.Target, into transaction: Transaction) async throws {
        _ = try await transaction.copyIn(SnapshotStatements.copy(target)) { writer in
            while !builder.isRefused {
                let isLast = isAtEnd || othersWait(target)
                if isLast || builder.pending(target) >= Self.sendBytes {
                    try await writer.write(builder.take(target, isLast: isLast))
                }
                if isLast { return }
                try await readChunk()
            }
            try await writer.write(builder.take(target, isLast: true))
        }
    }

    private func othersWait(_ target: SnapshotBuilder.Target) -> Bool {
        SnapshotBuilder.Target.allCases.contains { $0 != target && builder.pending($0) >= Self.switchBytes }
    }

    private func readChunk() async throws {
        if let chunk = try await chunks.next(isolation: #isolation) {
            builder.add(chunk)
            await progress(builder.lines)
        } else {
            builder.finish()
            isAtEnd = true
        }
    }
}
