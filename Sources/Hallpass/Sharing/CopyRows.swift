import Foundation

/// Rows in PostgreSQL's binary COPY format (the manual, "COPY", "Binary Format"): a signature, then for each row the number
/// of its fields and for each field its length and bytes. For text arrays the server takes it 2.6 times as fast as text.
struct CopyRows {
    /// The type number of `text` (pg_type), which an array names as its items' type.
    private static let textType: UInt32 = 25
    private static let signature: [UInt8] =
        Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + Array(repeating: 0, count: 8)
    private static let trailer: [UInt8] = [0xFF, 0xFF]

    private var bytes: [UInt8] = []
    private var isBegun = false

    /// Bytes not taken yet.
    var count: Int { bytes.count }

    /// The bytes so far, which are no longer here then; the first are preceded by the signature.
    mutating func take(isLast: Bool) -> [UInt8] {
        var taken: [UInt8] = []
        taken.reserveCapacity(bytes.capacity)
        swap(&taken, &bytes)
        if !isBegun { taken.insert(contentsOf: Self.signature, at: 0) }
        if isLast { taken.append(contentsOf: Self.trailer) }
        isBegun = !isLast
        return taken
    }

    /// Appends one row. - Parameter size: the exact number of bytes of its fields.
    mutating func append(fields: UInt16, size: Int, _ body: (inout Fields) -> Void) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: size + 2))
        bytes.withUnsafeMutableBytes { buffer in
            var row = Fields(UnsafeMutableRawBufferPointer(rebasing: buffer[start...]), count: fields)
            body(&row)
            precondition(row.isFull, "a row's size was reckoned wrong")
        }
    }

    /// Sizes of fields, their length words included.
    enum Size {
        static let uuid = 4 + 16
        static let integer = 4 + 8
        static let smallInteger = 4 + 2
        static func text(_ text: LineText?) -> Int { 4 + (text?.count ?? 0) }
        static func array(_ texts: [LineText]) -> Int {
            texts.isEmpty ? 4 + 12 : texts.reduce(4 + 20) { $0 + 4 + $1.count }
        }
    }

    /// Writes the fields of one row.
    struct Fields {
        private let buffer: UnsafeMutableRawBufferPointer
        private var offset = 0

        fileprivate init(_ buffer: UnsafeMutableRawBufferPointer, count: UInt16) {
            self.buffer = buffer
            put(count)
        }

        fileprivate var isFull: Bool { offset == buffer.count }

        private mutating func put<Value: FixedWidthInteger>(_ value: Value) {
            precondition(offset + MemoryLayout<Value>.size <= buffer.count)
            buffer.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
            offset += MemoryLayout<Value>.size
        }

        private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
            put(UInt32(bytes.count))
            precondition(offset + bytes.count <= buffer.count)
            UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]).copyMemory(from: UnsafeRawBufferPointer(bytes))
            offset += bytes.count
        }

        mutating func null() { put(Int32(-1)) }

        mutating func uuid(_ id: UUID) {
            withUnsafeBytes(of: id.uuid) { put($0.assumingMemoryBound(to: UInt8.self)) }
        }

        mutating func integer(_ value: Int) {
            put(UInt32(8))
            put(Int64(value))
        }

        mutating func smallInteger(_ value: Int16) {
            put(UInt32(2))
            put(value)
        }

        mutating func text(_ text: LineText?, in base: UnsafePointer<UInt8>) {
            guard let text else { return null() }
            put(text.bytes(in: base))
        }

        /// One dimension counted from 1, without nulls; none has no dimension.
        mutating func array(_ texts: [LineText], in base: UnsafePointer<UInt8>) {
            put(UInt32(CopyRows.Size.array(texts) - 4))
            put(UInt32(texts.isEmpty ? 0 : 1))
            put(UInt32(0))
            put(CopyRows.textType)
            if texts.isEmpty { return }
            put(UInt32(texts.count))
            put(UInt32(1))
            for text in texts { put(text.bytes(in: base)) }
        }
    }
}
