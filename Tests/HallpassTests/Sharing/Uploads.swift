import Foundation
import Postgres

@testable import Hallpass

extension TestApplication {
    /// Uploads lines as shared data.
    @discardableResult
    func upload(
        _ lines: [String], to id: String, as role: Role = .manager, ending: String = "\n", query: String = "",
        fields: [String: String] = [:]
    ) async throws -> TestClient.Answer {
        try await upload(
            Array(lines.map { $0 + ending }.joined().utf8), to: id, as: role, query: query, fields: fields)
    }

    func upload(
        _ body: [UInt8], to id: String, as role: Role = .manager, query: String = "", fields: [String: String] = [:]
    ) async throws -> TestClient.Answer {
        try await client(role).send(
            "PUT", "/v1/requests/\(id)/shared-data\(query)",
            ["Content-Type": "application/x-ndjson"].merging(fields) { _, given in given }, body)
    }

    /// Rows of shared data in every table that holds any.
    func sharedRows() async throws -> Int {
        var rows = 0
        for table in ["shared_snapshot", "shared_section", "shared_teacher", "shared_student", "sharing_teacher"] {
            rows += try await count(table)
        }
        return rows
    }

    /// Whether rows are on their way into this test's own database.
    func isCopying() async throws -> Bool {
        try await count("pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'") > 0
    }

    /// Takes an open request of a kind to a state on the way to configured.
    func bring(_ kind: String, to state: String, _ cleverID: String = "d1") async throws -> String {
        let id = try await create(kind, cleverID: cleverID)
        let client = client()
        if state == "pending" { return id }
        if state == "needs_info" {
            _ = try await client.post("/v1/requests/\(id)/request-info", #"{"message":"Which?"}"#)
            return id
        }
        _ = try await client.post("/v1/requests/\(id)/approve")
        if state == "approved" { return id }
        _ = try await client.post("/v1/requests/\(id)/share", #"{"method":"sections","rules":["s1"]}"#)
        if state == "shared" { return id }
        _ = try await client.post("/v1/requests/\(id)/configure", #"{"complete_checklist":true}"#)
        return id
    }

    /// The district of a Clever id.
    func districtID(_ cleverID: String = "d1") async throws -> String {
        try await sql("SELECT id::text FROM district WHERE clever_id = \(cleverID)")[0].get(0)
    }

    func sharing(_ cleverID: String = "d1") async throws -> JSONValue {
        try await client(.viewer).get("/v1/districts/\(districtID(cleverID))/sharing").json
    }
}

/// A section line.
func section(_ id: String, _ teachers: [String], _ students: [String]) -> String {
    let list = { (ids: [String]) in ids.map { "\"\($0)\"" }.joined(separator: ",") }
    return #"{"type":"section","id":"\#(id)","teachers":[\#(list(teachers))],"students":[\#(list(students))]}"#
}

func teacher(_ id: String, email: Bool = true) -> String {
    #"{"type":"teacher","id":"\#(id)"\#(email ? #","email":"\#(id)@x.example""# : "")}"#
}

func student(_ id: String) -> String { #"{"type":"student","id":"\#(id)"}"# }

/// An upload whose pieces a test sends one by one.
final class SlowUpload: Sendable {
    private let descriptor: Int32

    /// - Parameter length: what Content-Length says.
    init(_ client: TestClient, to id: String, length: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(client.port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw TestClient.Failure(description: "connect: \(errno)") }
        let head = """
            PUT /v1/requests/\(id)/shared-data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
            Authorization: Bearer \(client.token ?? "")\r\nContent-Type: application/x-ndjson\r\n\
            Content-Length: \(length)\r\n\r\n
            """
        send(head)
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 { return }
            sent += count
        }
    }

    /// Goes away in the middle.
    func breakOff() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// The answer's status, once it has come.
    func status() -> Int {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0
    }
}

/// Asks again until it holds, for what another task does in its own time.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<600 {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(50))
    }
    return false
}
