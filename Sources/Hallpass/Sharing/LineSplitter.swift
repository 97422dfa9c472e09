import Foundation

/// Cuts a stream of chunks into lines. A line that lies whole in a chunk is handed on where it is; only the pieces of one
/// that crosses an edge are copied. Blank lines are counted and not handed on.
struct LineSplitter {
    /// A section line of some 100,000 students. What is longer is told as a bad line and not kept.
    static let maximumLineBytes = 4 << 20

    enum Line {
        case bytes(UnsafeBufferPointer<UInt8>)
        case tooLong
    }

    /// The number of the line being read or last read, from 1.
    private(set) var number = 0
    private var carry: [UInt8] = []
    private var isDiscarding = false

    /// Hands on every line that ends in `chunk`.
    mutating func split(_ chunk: UnsafeBufferPointer<UInt8>, _ body: (Line, Int) -> Void) {
        guard let base = chunk.baseAddress else { return }
        var start = 0
        while let newline = memchr(base + start, 0x0A, chunk.count - start) {
            let end = UnsafeRawPointer(newline) - UnsafeRawPointer(base)
            finish(UnsafeBufferPointer(rebasing: chunk[start..<end]), body)
            start = end + 1
        }
        guard !isDiscarding else { return }
        let rest = chunk[start...]
        if carry.count + rest.count > Self.maximumLineBytes {
            isDiscarding = true
            carry = []
        } else {
            carry.append(contentsOf: rest)
        }
    }

    /// Hands on the last line, when no newline ended it.
    mutating func finish(_ body: (Line, Int) -> Void) {
        if isDiscarding || !carry.isEmpty { finish(UnsafeBufferPointer(start: nil, count: 0), body) }
    }

    private mutating func finish(_ tail: UnsafeBufferPointer<UInt8>, _ body: (Line, Int) -> Void) {
        number += 1
        if isDiscarding || carry.count + tail.count > Self.maximumLineBytes {
            isDiscarding = false
            carry = []
            body(.tooLong, number)
        } else if carry.isEmpty {
            hand(tail, body)
        } else {
            carry.append(contentsOf: tail)
            carry.withUnsafeBufferPointer { hand($0, body) }
            carry.removeAll(keepingCapacity: carry.capacity <= 1 << 16)
        }
    }

    private func hand(_ line: UnsafeBufferPointer<UInt8>, _ body: (Line, Int) -> Void) {
        let isBlank = line.allSatisfy { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }
        if !isBlank { body(.bytes(line), number) }
    }
}
