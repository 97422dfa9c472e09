internal import CLibpq
public import Foundation
internal import Sockets

extension Transaction {
    /// Runs `COPY … FROM STDIN` and sends what the closure writes. The statement can bind no values.
    /// - Returns: the number of rows stored.
    /// - Throws: what the closure throws, or the server's refusal; the transaction can only be rolled back then.
    @discardableResult
    public func copyIn(_ query: Query, _ body: (CopyWriter) async throws -> Void) async throws -> Int {
        precondition(query.sql.parameters.isEmpty, "COPY binds no values")
        let patience = context.statementDeadline
        return try await leavePipeline(deadline: patience) { mode, handle in
            try await startCopy(query, mode, handle, expecting: PGRES_COPY_IN)
            let writer = CopyWriter(mode: mode, handle: handle, transaction: self, patience: patience)
            do {
                try await body(writer)
                try await writer.flush()
            } catch {
                if failure == nil { try await endCopy(query, mode, handle, reason: "given up") }
                throw error
            }
            return try await endCopy(query, mode, handle, reason: nil)
        }
    }

    /// Runs `COPY … TO STDOUT` and hands over what comes, in pieces of whole rows; the server waits while the closure does.
    /// - Returns: the number of rows.
    @discardableResult
    public func copyOut(_ query: Query, _ body: (ArraySlice<UInt8>) async throws -> Void) async throws -> Int {
        precondition(query.sql.parameters.isEmpty, "COPY binds no values")
        let patience = context.statementDeadline
        return try await leavePipeline(deadline: patience) { mode, handle in
            try await startCopy(query, mode, handle, expecting: PGRES_COPY_OUT)
            do {
                while let piece = try await nextPiece(mode, handle, patience) { try await body(piece[...]) }
            } catch {
                // The rest of the rows is still to come; there is no way back but a new connection.
                if !connection.isLost { _ = self.error(of: .lost("the copy was given up")) }
                throw error
            }
            return try await result(of: query, mode)
        }
    }

    private func startCopy(
        _ query: Query, _ mode: PlainMode, _ handle: OpaquePointer, expecting: ExecStatusType
    ) async throws {
        guard PQsendQuery(handle, query.sql.text) == 1 else { throw error(of: .lost("the statement was not sent")) }
        if let failure = await mode.drain() { throw error(of: failure) }
        guard let result = try await next(mode) else { throw error(of: .lost("no answer")) }
        defer { PQclear(result) }
        guard PQresultStatus(result) == expecting else {
            let reply = ServerReply(result)
            _ = try await self.result(of: query, mode, refused: reply)
            return
        }
    }

    @discardableResult
    private func endCopy(
        _ query: Query, _ mode: PlainMode, _ handle: OpaquePointer, reason: String?
    ) async throws -> Int {
        mode.extend(until: .now + context.statementDeadline)
        guard PQputCopyEnd(handle, reason) == 1 else { throw error(of: .lost(firstLine(PQerrorMessage(handle)))) }
        if let failure = await mode.drain() { throw error(of: failure) }
        if reason != nil {
            while let result = try await next(mode) { PQclear(result) }
            fail(.cancelled)
            return 0
        }
        return try await result(of: query, mode)
    }

    /// Takes in the results up to the last. - Throws: the first refusal.
    private func result(of query: Query, _ mode: PlainMode, refused: ServerReply? = nil) async throws -> Int {
        var refusal = refused
        var count = 0
        while let result = try await next(mode) {
            if PQresultStatus(result) == PGRES_COMMAND_OK {
                count = PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
            } else if refusal == nil {
                refusal = ServerReply(result)
            }
            PQclear(result)
        }
        guard let refusal else { return count }
        context.pool.report(refusal, statement: query.name)
        let error = refusal.error(statement: query.name)
        fail(error)
        throw error
    }

    /// Some whole rows, about 64 KiB of them; nil after the last.
    private func nextPiece(_ mode: PlainMode, _ handle: OpaquePointer, _ patience: Duration) async throws -> [UInt8]? {
        var piece: [UInt8] = []
        while piece.count < 64 << 10 {
            var row: UnsafeMutablePointer<CChar>?
            let length = PQgetCopyData(handle, &row, 1)
            if length > 0, let row {
                piece.append(contentsOf: UnsafeRawBufferPointer(start: row, count: Int(length)))
                PQfreemem(row)
            } else if length == 0 {
                if !piece.isEmpty { return piece }
                mode.extend(until: .now + patience)
                if let failure = await mode.readable() { throw error(of: failure) }
            } else {
                return piece.isEmpty ? nil : piece
            }
        }
        return piece
    }
}

/// Takes the data of a `COPY … FROM STDIN`, as fast as the server does.
public final class CopyWriter {
    private let mode: PlainMode
    private let handle: OpaquePointer
    private let transaction: Transaction
    private let patience: Duration
    private var buffer: [UInt8] = []

    private static let threshold = 64 << 10

    init(mode: PlainMode, handle: OpaquePointer, transaction: Transaction, patience: Duration) {
        self.mode = mode
        self.handle = handle
        self.transaction = transaction
        self.patience = patience
        buffer.reserveCapacity(Self.threshold + 4096)
    }

    /// Sends bytes in the statement's own format. Waits while the server is behind.
    public func write(_ bytes: some Sequence<UInt8>) async throws(DatabaseError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.threshold { try await flush() }
    }

    /// Sends one row in the default (text) format.
    public func row(_ cells: [CopyCell]) async throws(DatabaseError) {
        for (index, cell) in cells.enumerated() {
            if index > 0 { buffer.append(0x09) }
            cell.append(to: &buffer)
        }
        buffer.append(0x0A)
        if buffer.count >= Self.threshold { try await flush() }
    }

    func flush() async throws(DatabaseError) {
        guard !buffer.isEmpty else { return }
        mode.extend(until: .now + patience)
        let isTaken = buffer.withUnsafeBytes { bytes in
            PQputCopyData(
                handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                Int32(truncatingIfNeeded: bytes.count))
        }
        buffer.removeAll(keepingCapacity: true)
        guard isTaken == 1 else { throw transaction.error(of: .lost(firstLine(PQerrorMessage(handle)))) }
        if let failure = await mode.drain() { throw transaction.error(of: failure) }
    }
}

/// A value of a row that is copied in, in COPY's text format.
public enum CopyCell: Sendable {
    case null
    case text(String)
    case integer(Int)
    case bool(Bool)
    case uuid(UUID)
    /// `text[]`.
    case texts([String])

    public static func text(orNull text: String?) -> CopyCell { text.map { .text($0) } ?? .null }

    func append(to buffer: inout [UInt8]) {
        switch self {
        case .null: buffer.append(contentsOf: [0x5C, 0x4E])
        case .text(let text): Self.escape(text.utf8, into: &buffer)
        case .integer(let integer): buffer.append(contentsOf: String(integer).utf8)
        case .bool(let bool): buffer.append(bool ? 0x74 : 0x66)
        case .uuid(let uuid): buffer.append(contentsOf: uuid.uuidString.utf8)
        case .texts(let texts):
            var literal: [UInt8] = [0x7B]
            for (index, text) in texts.enumerated() {
                if index > 0 { literal.append(0x2C) }
                literal.append(0x22)
                for byte in text.utf8 {
                    if byte == 0x22 || byte == 0x5C { literal.append(0x5C) }
                    literal.append(byte)
                }
                literal.append(0x22)
            }
            literal.append(0x7D)
            Self.escape(literal, into: &buffer)
        }
    }

    /// Backslash, tab, newline and carriage return mean something to COPY.
    private static func escape(_ bytes: some Sequence<UInt8>, into buffer: inout [UInt8]) {
        for byte in bytes {
            switch byte {
            case 0x5C: buffer.append(contentsOf: [0x5C, 0x5C])
            case 0x09: buffer.append(contentsOf: [0x5C, 0x74])
            case 0x0A: buffer.append(contentsOf: [0x5C, 0x6E])
            case 0x0D: buffer.append(contentsOf: [0x5C, 0x72])
            default: buffer.append(byte)
            }
        }
    }
}
