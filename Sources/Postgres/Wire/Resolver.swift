internal import Foundation
internal import Synchronization

/// Looks names up on threads of their own; one look-up a name at a time, however many wait for it.
final class Resolver: Sendable {
    static let shared = Resolver()

    typealias Answer = @Sendable ([String]) -> Void
    private let waiting = Mutex<[String: [Answer]]>([:])

    /// `answer` runs on some thread with the name's addresses, none when there is no such name.
    func resolve(_ name: String, _ answer: @escaping Answer) {
        let isFirst = waiting.withLock { waiting in
            let isFirst = waiting[name] == nil
            waiting[name, default: []].append(answer)
            return isFirst
        }
        guard isFirst else { return }
        Thread.detachNewThread { [self] in
            let addresses = Self.lookUp(name)
            let answers = waiting.withLock { $0.removeValue(forKey: name) ?? [] }
            for answer in answers { answer(addresses) }
        }
    }

    private static func lookUp(_ name: String) -> [String] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var entry = list
        while let current = entry {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let status = getnameinfo(
                current.pointee.ai_addr, current.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0,
                NI_NUMERICHOST)
            if status == 0 {
                let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !addresses.contains(address) { addresses.append(address) }
            }
            entry = current.pointee.ai_next
        }
        return addresses
    }
}
