import Postgres
import Testing

@Suite("What a row looked like")
struct FingerprintTests {
    private func fingerprint(_ values: [[UInt8]?]) -> Fingerprint {
        var fingerprint = Fingerprint()
        for value in values {
            if let value {
                value.withUnsafeBytes { fingerprint.mix($0) }
            } else {
                fingerprint.mix(nil)
            }
        }
        return fingerprint
    }

    @Test("of any length, every byte counts, and so do the length and the place of each value", arguments: 0...40)
    func everyByte(count: Int) {
        let bytes = (0..<count).map { UInt8($0 + 1) }
        let whole = fingerprint([bytes])
        #expect(whole == fingerprint([bytes]))
        for index in 0..<count {
            var other = bytes
            other[index] ^= 0x80
            #expect(fingerprint([other]) != whole, "byte \(index) of \(count)")
        }
        #expect(fingerprint([bytes + [0]]) != whole)
        #expect(fingerprint([[0] + bytes]) != whole)
        #expect(fingerprint([nil]) != whole)
        #expect(fingerprint([bytes, nil]) != fingerprint([nil, bytes]))
        #expect(fingerprint([bytes, []]) != whole)
        for cut in 1..<max(count, 1) {
            #expect(fingerprint([Array(bytes[..<cut]), Array(bytes[cut...])]) != whole, "cut at \(cut) of \(count)")
        }
    }
}
