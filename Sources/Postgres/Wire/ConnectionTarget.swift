internal import CLibpq
internal import Foundation

/// Where to connect: a libpq connection string taken apart into one candidate a host, since libpq's own walk through
/// several hosts cannot be held to a deadline when it does not block.
struct ConnectionTarget: Sendable {
    struct Candidate: Sendable {
        /// libpq's keywords for one host.
        var keywords: [String: String]
        /// The host's place in the connection string.
        let number: Int

        /// The host's name, when it has to be looked up first.
        var hostToResolve: String? {
            guard keywords["hostaddr"] == nil, let host = keywords["host"], !host.isEmpty, !host.hasPrefix("/"),
                !host.hasPrefix("@")
            else { return nil }
            var four = in_addr()
            var six = in6_addr()
            if inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1 { return nil }
            return host
        }

        /// For logs: host and port, nothing secret.
        var place: String {
            let host = keywords["host"] ?? keywords["hostaddr"] ?? "the default host"
            return keywords["port"].map { "\(host) port \($0)" } ?? host
        }
    }

    let candidates: [Candidate]
    /// More than one host: a read-only server is left for another one.
    var hasSeveralHosts: Bool { candidates.count > 1 }

    /// Every candidate once, beginning with one of them.
    func candidates(from number: Int) -> [Candidate] {
        guard candidates.indices.contains(number) else { return candidates }
        return Array(candidates[number...] + candidates[..<number])
    }

    /// - Throws: `.configuration`, a line that says what is wrong with the string.
    init(_ connection: String, applicationName: String) throws(DatabaseError) {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(connection, &message) else {
            let text = firstLine(message)
            PQfreemem(message)
            throw .configuration(reason: "the connection string cannot be read: \(text)")
        }
        defer { PQconninfoFree(options) }
        var keywords: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { keywords[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        Self.complete(&keywords, applicationName: applicationName)
        candidates = try Self.split(keywords)
    }

    /// Fills in what was left open, so that a peer that vanishes is noticed.
    private static func complete(_ keywords: inout [String: String], applicationName: String) {
        let defaults = [
            "application_name": applicationName, "client_encoding": "UTF8", "keepalives": "1",
            "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "10000",
        ]
        for (keyword, value) in defaults where keywords[keyword] == nil { keywords[keyword] = value }
        keywords["fallback_application_name"] = nil
        // The deadline of an attempt is this program's own.
        keywords["connect_timeout"] = nil
    }

    private static func split(_ keywords: [String: String]) throws(DatabaseError) -> [Candidate] {
        func parts(_ keyword: String) -> [String] {
            guard let value = keywords[keyword] else { return [] }
            return value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let hosts = parts("host")
        let addresses = parts("hostaddr")
        let ports = parts("port")
        let count = max(1, hosts.count, addresses.count)
        guard hosts.isEmpty || addresses.isEmpty || hosts.count == addresses.count else {
            throw .configuration(
                reason: "the connection string names \(hosts.count) hosts and \(addresses.count) addresses")
        }
        guard ports.count <= 1 || ports.count == count else {
            throw .configuration(reason: "the connection string names \(count) hosts and \(ports.count) ports")
        }
        for port in ports where !port.isEmpty {
            guard let number = Int(port), (1...65535).contains(number) else {
                throw .configuration(reason: "“\(port)” in the connection string is not a port: write 1 to 65535")
            }
        }
        return (0..<count).map { index in
            var one = keywords
            one["host"] = hosts.isEmpty ? nil : hosts[index]
            one["hostaddr"] = addresses.isEmpty ? nil : addresses[index]
            one["port"] = ports.isEmpty ? nil : ports[ports.count == 1 ? 0 : index]
            return Candidate(keywords: one.filter { !$0.value.isEmpty }, number: index)
        }
    }
}
