extension Database {
    /// What a listener hears.
    public enum Notification: Sendable, Hashable {
        case message(channel: String, payload: String)
        /// The connection was lost: what is said from now on does not arrive, until `reconnected`.
        case disconnected
        /// Listening began, or began again after the connection was lost, or more came than was fetched: what was said
        /// meanwhile was missed, so look at the tables.
        case reconnected
    }

    /// Listens on channels, over a connection of its own that is re-established by itself. Ends when the database is
    /// closed or the stream is let go.
    public func listen(_ channels: [String]) -> AsyncStream<Notification> {
        AsyncStream(bufferingPolicy: .bufferingNewest(NotificationHub.bufferLimit)) { continuation in
            monitor.subscribe(channels, continuation)
        }
    }

    /// Notifies listeners soon, outside any transaction; the same notification several times within a few milliseconds
    /// goes out once. Kept while the server is away, up to a limit. Any thread, no waiting.
    public func notify(_ channel: String, _ payload: String = "") {
        monitor.notify(channel, payload)
    }
}

/// Who listens to what.
struct NotificationHub {
    static let bufferLimit = 1024

    private struct Listener {
        let channels: Set<String>
        let continuation: AsyncStream<Database.Notification>.Continuation
    }

    private var listeners: [Int: Listener] = [:]
    private var serial = 0

    var channels: Set<String> {
        listeners.values.reduce(into: []) { $0.formUnion($1.channels) }
    }

    /// The listener's number, and the channels nobody listened to before.
    mutating func add(
        _ channels: [String], _ continuation: AsyncStream<Database.Notification>.Continuation
    ) -> (number: Int, added: Set<String>) {
        let added = Set(channels).subtracting(self.channels)
        serial += 1
        listeners[serial] = Listener(channels: Set(channels), continuation: continuation)
        return (serial, added)
    }

    /// The channels nobody listens to any more.
    mutating func remove(_ number: Int) -> Set<String> {
        guard let listener = listeners.removeValue(forKey: number) else { return [] }
        return listener.channels.subtracting(channels)
    }

    func deliver(_ channel: String, _ payload: String) {
        for listener in listeners.values where listener.channels.contains(channel) {
            yield(.message(channel: channel, payload: payload), to: listener)
        }
    }

    func catchUp(on channels: Set<String>, only number: Int?) {
        for (other, listener) in listeners where number == nil || number == other {
            if !listener.channels.isDisjoint(with: channels) { yield(.reconnected, to: listener) }
        }
    }

    func disconnect() {
        for listener in listeners.values { yield(.disconnected, to: listener) }
    }

    mutating func finish() {
        for listener in listeners.values { listener.continuation.finish() }
        listeners = [:]
    }

    private func yield(_ notification: Database.Notification, to listener: Listener) {
        if case .dropped = listener.continuation.yield(notification) {
            _ = listener.continuation.yield(.reconnected)
        }
    }
}

/// Notifications waiting to be sent, each once.
struct NotificationOutbox {
    struct Entry: Hashable, Sendable {
        let channel: String
        let payload: String
    }

    private var entries: [Entry] = []
    private var known: Set<Entry> = []
    private static let limit = 4096

    /// True when it was empty: someone has to see to it.
    mutating func add(_ channel: String, _ payload: String) -> Bool {
        let entry = Entry(channel: channel, payload: payload)
        let wasEmpty = entries.isEmpty
        guard entries.count < Self.limit, known.insert(entry).inserted else { return wasEmpty }
        entries.append(entry)
        return wasEmpty
    }

    mutating func take() -> [Entry] {
        defer {
            entries = []
            known = []
        }
        return entries
    }
}
