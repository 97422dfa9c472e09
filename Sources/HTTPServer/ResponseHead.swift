import HTTPCore
import HTTPTypes

/// Writes a response's head with the fields that are the server's: `Date`, `X-Request-Id`, `Connection`, framing.
struct ResponseHead {
    enum Framing {
        case none
        case length(Int)
        case chunked
    }

    private let owner: ServerLoop

    init(_ owner: ServerLoop) { self.owner = owner }

    func append(
        _ response: Response, requestID: String, framing: Framing, connection: String? = nil, to bytes: inout [UInt8]
    ) {
        HeadSerializer.append(response.status, response.headerFields, to: &bytes)
        appendCommonFields(response.headerFields, to: &bytes)
        HeadSerializer.append("X-Request-Id", requestID, to: &bytes)
        if let connection { HeadSerializer.append("Connection", connection, to: &bytes) }
        bytes.append(contentsOf: owner.date())
        switch framing {
        case .none: break
        case .length(let count):
            HeadSerializer.append("Content-Length: ", to: &bytes)
            HeadSerializer.append(count, to: &bytes)
            HeadSerializer.append("\r\n", to: &bytes)
        case .chunked: HeadSerializer.append("Transfer-Encoding: chunked\r\n", to: &bytes)
        }
        HeadSerializer.append("\r\n", to: &bytes)
    }

    /// Those that the answer does not have itself; nearly always all of them.
    private func appendCommonFields(_ fields: HTTPFields, to bytes: inout [UInt8]) {
        let common = owner.state.commonFields
        guard fields.contains(where: { field in common.contains { $0.name == field.name } }) else {
            bytes.append(contentsOf: owner.state.commonLines)
            return
        }
        for field in common where !fields.contains(field.name) { bytes.append(contentsOf: field.line) }
    }

    /// Head and body of the last answer of a connection.
    func whole(_ response: Response, requestID: String) -> [UInt8] {
        var bytes: [UInt8] = []
        append(
            response, requestID: requestID, framing: .length(response.body.count), connection: "close", to: &bytes)
        if case .bytes(let body) = response.body { bytes.append(contentsOf: body) }
        return bytes
    }
}
