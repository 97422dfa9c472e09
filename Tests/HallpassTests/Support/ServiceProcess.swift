import Foundation
import TestSupport

/// The built `hallpass` program as a process of its own: what tests start when a process must really die, or when what
/// counts is what a person would type.
final class ServiceProcess: Sendable {
    /// Where it listens, as `127.0.0.1:port`.
    let address: String
    let port: Int
    let processID: Int32
    private let process: Child

    /// Starts `hallpass serve` on a free port and waits until it listens.
    /// - Parameters:
    ///   - environment: its settings; `HALLPASS_LISTEN` may be among them. Nothing of the test's own is passed on but PATH.
    ///   - within: how long the start may take.
    /// - Throws: with its output, when it ends before it listens.
    init(
        _ environment: [String: String], arguments: [String] = ["serve"], within limit: Duration = .seconds(60)
    ) async throws {
        var environment = environment
        if environment["HALLPASS_LISTEN"] == nil { environment["HALLPASS_LISTEN"] = "127.0.0.1:0" }
        process = try Child(arguments: arguments, environment: environment, input: nil)
        processID = process.processID
        let mark = "Hallpass listens on http://"
        let end = ContinuousClock.now + limit
        while true {
            let output = process.output
            if let start = output.range(of: mark)?.upperBound, let line = output[start...].split(separator: "\n").first,
                let port = line.split(separator: ":").last.flatMap({ Int($0) })
            {
                address = String(line)
                self.port = port
                return
            }
            guard process.status == nil, .now < end else {
                process.signal(SIGKILL)
                throw Failure(description: "hallpass did not start: \(output)\(process.errors)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    deinit { process.signal(SIGKILL) }

    /// What it has printed so far, and what it has logged.
    var output: String { process.output }
    var log: String { process.errors }

    /// Nil while it lives; a signal's number is given negative.
    var exitStatus: Int32? { process.status }

    func client(token: String?) -> TestClient { TestClient(port: port, token: token) }

    /// The token of `HALLPASS_DATA/admin-token`.
    static func adminToken(dataFolder: String) throws -> String {
        try String(contentsOfFile: dataFolder + "/admin-token", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func signal(_ number: Int32) { process.signal(number) }

    /// Kills it as a power cut would, and waits until it is gone.
    func kill() async throws {
        process.signal(SIGKILL)
        _ = try await waitForExit()
    }

    /// Asks it to stop. - Returns: its exit status.
    @discardableResult
    func stop() async throws -> Int32 {
        process.signal(SIGTERM)
        return try await waitForExit()
    }

    @discardableResult
    func waitForExit(within limit: Duration = .seconds(30)) async throws -> Int32 {
        try await process.wait(within: limit)
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    struct Ended: Sendable {
        /// A signal's number is given negative.
        var status: Int32
        var output: String
        var errors: String
    }

    /// Runs a command such as `["token", "list"]` to its end.
    static func run(
        _ arguments: [String], _ environment: [String: String], input: String? = nil,
        within limit: Duration = .seconds(60)
    ) async throws -> Ended {
        try await run(program: program, arguments, environment, input: input, within: limit)
    }

    /// Runs any program to its end; `sh -c …` for what a README says.
    static func run(
        program: String, _ arguments: [String], _ environment: [String: String], input: String? = nil,
        folder: String? = nil, within limit: Duration = .seconds(60)
    ) async throws -> Ended {
        let child = try Child(
            program: program, arguments: arguments, environment: environment, input: input, folder: folder)
        let status = try await child.wait(within: limit)
        return Ended(status: status, output: child.output, errors: child.errors)
    }

    /// The folder of the build's products: the program lies beside the test bundle that runs this.
    static let productsFolder: String = {
        var path = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count)
        var folder = URL(fileURLWithPath: String(decoding: path.prefix(max(0, count)), as: UTF8.self))
        // Some runners load the bundle rather than being it; its path is then among the arguments.
        if let bundle = CommandLine.arguments.first(where: { $0.hasSuffix(".xctest") && $0.hasPrefix("/") }) {
            folder = URL(fileURLWithPath: bundle)
        }
        return folder.deletingLastPathComponent().path
    }()

    static let program = productsFolder + "/hallpass"

    /// An environment that reaches a test's database and keeps its files in a folder that is removed with this process.
    static func environment(_ database: TestDatabase, dataFolder: String = TestCluster.newFolder()) -> [String: String]
    {
        ["DATABASE_URL": database.connection, "HALLPASS_DATA": dataFolder]
    }
}

/// A child process whose output is gathered as it comes. It dies with this process.
private final class Child: Sendable {
    let processID: Int32
    private let name: String
    private let gathered = Locked<(output: [UInt8], errors: [UInt8])>(([], []))
    private let ended = Locked<Int32?>(nil)
    private let readers = DispatchGroup()

    init(
        program: String = ServiceProcess.program, arguments: [String], environment: [String: String], input: String?,
        folder: String? = nil
    ) throws {
        name = ([program] + arguments).joined(separator: " ")
        var environment = environment
        if environment["PATH"] == nil { environment["PATH"] = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" }
        let (out, err, given) = (try Self.pipe(), try Self.pipe(), try Self.pipe())
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = environment
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.standardOutput = out.writing
        process.standardError = err.writing
        process.standardInput = input == nil ? FileHandle.nullDevice : given.reading
        try process.run()
        try out.writing.close()
        try err.writing.close()
        try given.reading.close()
        processID = process.processIdentifier
        TestCluster.killAtExit(processID)
        gather(out.reading) { [gathered] bytes in gathered.withLock { $0.output += bytes } }
        gather(err.reading) { [gathered] bytes in gathered.withLock { $0.errors += bytes } }
        if let input {
            try given.writing.write(contentsOf: Data(input.utf8))
        }
        try given.writing.close()
        let box = Unchecked(process)
        Thread.detachNewThread { [self] in
            box.value.waitUntilExit()
            readers.wait()
            let status = box.value.terminationStatus
            ended.withLock { $0 = box.value.terminationReason == .uncaughtSignal ? -status : status }
        }
    }

    var output: String { gathered.withLock { String(decoding: $0.output, as: UTF8.self) } }
    var errors: String { gathered.withLock { String(decoding: $0.errors, as: UTF8.self) } }
    var status: Int32? { ended.withLock { $0 } }

    func signal(_ number: Int32) {
        ended.withLock { if $0 == nil { kill(processID, number) } }
    }

    func wait(within limit: Duration) async throws -> Int32 {
        let end = ContinuousClock.now + limit
        while .now < end {
            if let status { return status }
            try await Task.sleep(for: .milliseconds(5))
        }
        signal(SIGKILL)
        throw ServiceProcess.Failure(description: "\(name) still runs after \(limit): \(output)\(errors)")
    }

    /// Closed in whatever else is started meanwhile: another child that kept an end would hold back its end of file.
    private static func pipe() throws -> (reading: FileHandle, writing: FileHandle) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw POSIXError(.EMFILE) }
        return (
            FileHandle(fileDescriptor: ends[0], closeOnDealloc: true),
            FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
        )
    }

    private func gather(_ handle: FileHandle, _ take: @escaping @Sendable ([UInt8]) -> Void) {
        let (handle, readers) = (Unchecked(handle), readers)
        readers.enter()
        Thread.detachNewThread {
            while true {
                let data = handle.value.availableData
                if data.isEmpty { break }
                take(Array(data))
            }
            readers.leave()
        }
    }

    private struct Unchecked<Value>: @unchecked Sendable {
        // @unchecked: handed to one thread, which alone uses it.
        let value: Value
        init(_ value: Value) { self.value = value }
    }
}
