import Foundation

/// An SMTP server on loopback that refuses, hangs and drops as a test tells it to (`Python/faulty_smtp.py`). It ends with
/// this object, and with the process.
public final class FaultyServer: @unchecked Sendable {
    // @unchecked: the pipes are used under the lock alone.

    /// What the server is like when no rule says otherwise.
    public struct Options: Encodable, Sendable {
        public enum TLS: String, Encodable, Sendable { case none, starttls, implicit }

        public var tls = TLS.none
        public var certificate: String?
        public var key: String?
        /// SASL methods it offers.
        public var methods: [String] = []
        /// Without these a message is refused with 530, when they are given.
        public var user: String?
        public var password: String?
        public var smtputf8 = false
        /// Commands may come before the former ones are answered.
        public var pipelining = true
        /// Asks for a message even when it has refused all its recipients.
        public var careless = false

        public init() {}
    }

    public enum Step: String, Encodable, Sendable, CaseIterable {
        case connect, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, RSET
        /// Amid the message.
        case content
        /// After the dot that ends it.
        case end
        /// After it was taken.
        case idle
    }

    public struct Rule: Encodable, Sendable {
        public enum Then: String, Encodable, Sendable { case close, hang }

        public var step: Step
        /// Part of the command, or of a recipient's address.
        public var match: String?
        public var reply: String?
        public var then: Then?
        /// How often it applies; nil is always.
        public var times: Int?
        /// Once for each recipient, as greylisting does.
        public var each_recipient: Bool?

        public init(
            _ step: Step, reply: String? = nil, then: Then? = nil, match: String? = nil, times: Int? = nil,
            eachRecipient: Bool? = nil
        ) {
            self.step = step
            self.reply = reply
            self.then = then
            self.match = match
            self.times = times
            each_recipient = eachRecipient
        }
    }

    public struct Report: Decodable, Sendable {
        public struct Message: Decodable, Sendable {
            /// The MAIL command.
            public var mail: String
            public var recipients: [String]
            public var content: String
            public var secure: Bool
            public var login: Bool
        }

        public var connections: Int
        /// Those that were taken.
        public var messages: [Message]
        public var commands: [String]
        /// What had come already when it began to hang.
        public var unread: [String]
        /// SASL methods used.
        public var logins: [String]
    }

    public let port: Int
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private let lock = NSLock()
    private var unread: [UInt8] = []

    public static func start(_ change: (inout Options) -> Void = { _ in }) async throws -> FaultyServer {
        var options = Options()
        change(&options)
        let given = options
        return try await TestCluster.onThread { try FaultyServer(given) }
    }

    private init(_ options: Options) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        let text = String(decoding: try JSONEncoder().encode(options), as: UTF8.self)
        process.arguments = ["python3", Python.path(of: "faulty_smtp.py"), text]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line: [UInt8] = []
        while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != 0x0A { line.append(byte) }
        guard let port = Int(String(decoding: line, as: UTF8.self)) else {
            throw Python.Failure(description: "the faulty server did not start")
        }
        self.port = port
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.terminate()
    }

    /// Replaces the rules.
    public func obey(_ rules: Rule...) async throws { try await obey(rules) }

    public func obey(_ rules: [Rule]) async throws { _ = try await ask(["rules": rules]) }

    /// Closes the port and every connection, or opens it again.
    public func listen(_ isListening: Bool) async throws { _ = try await ask(["listen": isListening]) }

    public func report() async throws -> Report {
        try JSONDecoder().decode(Report.self, from: Data(try await ask(["report": true])))
    }

    private func ask(_ command: some Encodable) async throws -> [UInt8] {
        let line = try JSONEncoder().encode(command) + Data([0x0A])
        return try await TestCluster.onThread {
            try self.lock.withLock {
                try self.input.fileHandleForWriting.write(contentsOf: line)
                while true {
                    if let end = self.unread.firstIndex(of: 0x0A) {
                        defer { self.unread.removeFirst(end + 1) }
                        return Array(self.unread[..<end])
                    }
                    let data = self.output.fileHandleForReading.availableData
                    if data.isEmpty { throw Python.Failure(description: "the faulty server has ended") }
                    self.unread += data
                }
            }
        }
    }
}
