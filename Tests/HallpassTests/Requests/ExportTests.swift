import Testing

@testable import Hallpass

@Suite("CSV and NDJSON exports")
struct ExportTests {
    /// RFC 4180, strictly.
    private func rows(_ text: String) -> [[String]] {
        var rows: [[String]] = [[]]
        var cell = ""
        var isQuoted = false
        var scalars = Array(text.unicodeScalars)[...]
        while let scalar = scalars.popFirst() {
            if isQuoted {
                if scalar != "\"" {
                    cell.unicodeScalars.append(scalar)
                } else if scalars.first == "\"" {
                    cell += "\""
                    scalars.removeFirst()
                } else {
                    isQuoted = false
                }
            } else if scalar == "\"", cell.isEmpty {
                isQuoted = true
            } else if scalar == "," {
                rows[rows.count - 1].append(cell)
                cell = ""
            } else if scalar == "\r", scalars.first == "\n" {
                scalars.removeFirst()
                rows[rows.count - 1].append(cell)
                cell = ""
                rows.append([])
            } else {
                cell.unicodeScalars.append(scalar)
            }
        }
        #expect(rows.last == [] && cell.isEmpty && !isQuoted, "every line ends with CRLF")
        return rows.dropLast()
    }

    @Test(
        "the whole result comes unpaged, filtered and sorted as asked, and cells that would be executed are made harmless"
    )
    func csv() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            for number in 0..<60 { _ = try await test.create("sso", cleverID: "e\(number)") }
            let messages = ["=1+1", "+1", "-1", "@x", "\\tx", "\\rx", "a\\\"b,c\\r\\nd", "plain", "'quoted"]
            for (number, message) in messages.enumerated() {
                _ = try await client.post(
                    "/v1/requests",
                    TestApplication.ask("rostering", cleverID: "e\(number)", extra: #", "message": "\#(message)""#))
            }
            let answer = try await client.get(
                "/v1/requests?kind=rostering&sort=created_at&limit=1", ["Accept": "text/csv"])
            #expect(answer.status == 200 && answer.headerFields["content-type"]?.hasPrefix("text/csv") == true)
            #expect(answer.headerFields["vary"]?.contains("Accept") == true)
            let rows = rows(answer.text)
            #expect(rows.allSatisfy { $0.count == rows[0].count })
            let column = try #require(rows[0].firstIndex(of: "message"))
            #expect(
                rows.dropFirst().map { $0[column] } == [
                    "'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "a\"b,c\r\nd", "plain", "'quoted",
                ])
            #expect(self.rows(try await client.get("/v1/requests", ["Accept": "text/csv"]).text).count == 70)
            #expect(
                self.rows(try await client.get("/v1/requests?state=declined", ["Accept": "text/csv"]).text).count == 1)
            let head = try await client.send("HEAD", "/v1/requests", ["Accept": "text/csv"])
            #expect(
                head.status == 200 && head.body.isEmpty
                    && head.headerFields["content-type"]?.hasPrefix("text/csv") == true)
            expect(try await client.get("/v1/requests?colour=1", ["Accept": "text/csv"]), is: 422, "invalid")
            let lines = try await client.get("/v1/requests?sort=created_at", ["Accept": "application/x-ndjson"])
            #expect(lines.headerFields["content-type"] == "application/x-ndjson")
            let values = try lines.text.split(separator: "\n").map { try JSONParser.parse(Array($0.utf8)) }
            #expect(
                values == (try await client.get("/v1/requests?sort=created_at&limit=500").data) && values.count == 69)
        }
    }

    @Test(
        "the media type is negotiated by quality",
        arguments: [
            ("text/csv", "text/csv"), ("application/json", "application/json"), ("*/*", "application/json"),
            ("", "application/json"),
            ("text/csv;q=0.5, application/json", "application/json"), ("application/json;q=0.5, text/csv", "text/csv"),
            ("text/csv;q=0", "application/json"),
            ("application/x-ndjson, text/csv;q=0.9, */*;q=0.1", "application/x-ndjson"),
            ("TEXT/CSV; charset=utf-8", "text/csv"), ("text/html", "application/json"), ("text/*", "text/csv"),
            ("text/csv, */*", "text/csv"), ("*/*, text/csv", "text/csv"),
            ("*/*;q=0.8, text/csv;q=0.2", "application/json"),
        ])
    func negotiation(accept: String, type: String) async throws {
        let chosen = ExportForm(accept: accept)?.contentType ?? "application/json"
        #expect(chosen.hasPrefix(type))
    }
}
