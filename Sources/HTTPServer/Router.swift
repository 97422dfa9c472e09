public import HTTPTypes

// Routes are kept as a tree of path segments; a literal segment wins over a parameter, and a parameter takes one segment
// that is not empty. Matching works on decoded segments, so an encoded slash never crosses a boundary.

/// Patterns such as `/v1/requests/{id}` and their handlers.
public struct Router: Sendable {
    final class Route: Sendable {
        let pattern: String
        let names: [String]
        let options: RouteOptions
        let handling: Handling

        init(pattern: String, names: [String], options: RouteOptions, handling: Handling) {
            self.pattern = pattern
            self.names = names
            self.options = options
            self.handling = handling
        }
    }

    enum Handling: Sendable {
        case waiting(Handler)
        case immediate(ImmediateHandler)
    }

    private struct Node: Sendable {
        /// Few, and short: comparing them one by one is quicker than hashing.
        var literals: [(text: String, node: Int)] = []
        var parameter: Int?
        var routes: [(method: HTTPRequest.Method, route: Route)] = []

        func literal(_ text: String) -> Int? { literals.first { $0.text == text }?.node }

        func route(_ method: HTTPRequest.Method) -> Route? { routes.first { $0.method == method }?.route }
    }

    enum Match: Sendable {
        case route(Route, PathParameters)
        case notAllowed([HTTPRequest.Method])
        /// `OPTIONS` of a known path that has no handler for it: 204 with `Allow`.
        case options([HTTPRequest.Method])
        case notFound
    }

    private var nodes = [Node()]

    public init() {}

    /// `HEAD` is answered wherever `GET` is. A pattern and method may be given once.
    public mutating func on(
        _ method: HTTPRequest.Method, _ pattern: String, options: RouteOptions = .init(), _ handler: @escaping Handler
    ) {
        on(method, pattern, options, .waiting(handler))
    }

    /// The same, for what can be answered at once.
    public mutating func on(
        _ method: HTTPRequest.Method, _ pattern: String, options: RouteOptions = .init(),
        immediately handler: @escaping ImmediateHandler
    ) {
        on(method, pattern, options, .immediate(handler))
    }

    private mutating func on(
        _ method: HTTPRequest.Method, _ pattern: String, _ options: RouteOptions, _ handling: Handling
    ) {
        var node = 0
        var names: [String] = []
        for segment in pattern.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            if segment.hasPrefix("{"), segment.hasSuffix("}") {
                names.append(String(segment.dropFirst().dropLast()))
                node = nodes[node].parameter ?? add { $0.nodes[node].parameter = $1 }
            } else {
                let text = String(segment)
                node = nodes[node].literal(text) ?? add { $0.nodes[node].literals.append((text, $1)) }
            }
        }
        precondition(nodes[node].route(method) == nil, "\(method) \(pattern) is routed twice")
        let route = Route(pattern: pattern, names: names, options: options, handling: handling)
        nodes[node].routes.append((method, route))
    }

    private mutating func add(_ link: (inout Router, Int) -> Void) -> Int {
        nodes.append(Node())
        link(&self, nodes.count - 1)
        return nodes.count - 1
    }

    func match(_ method: HTTPRequest.Method, _ segments: [String]) -> Match {
        var values: [String] = []
        guard let node = find(segments[...], from: 0, &values) else { return .notFound }
        guard let route = nodes[node].route(method) ?? (method == .head ? nodes[node].route(.get) : nil) else {
            let allow = Self.allow(nodes[node].routes.map(\.method))
            return method == .options ? .options(allow) : .notAllowed(allow)
        }
        return .route(route, PathParameters(names: route.names, values: values))
    }

    private func find(_ segments: ArraySlice<String>, from node: Int, _ values: inout [String]) -> Int? {
        guard let segment = segments.first else { return nodes[node].routes.isEmpty ? nil : node }
        if let next = nodes[node].literal(segment), let found = find(segments.dropFirst(), from: next, &values) {
            return found
        }
        guard let next = nodes[node].parameter, !segment.isEmpty else { return nil }
        values.append(segment)
        if let found = find(segments.dropFirst(), from: next, &values) { return found }
        values.removeLast()
        return nil
    }

    private static func allow(_ methods: some Collection<HTTPRequest.Method>) -> [HTTPRequest.Method] {
        var allow = Set(methods)
        if allow.contains(.get) { allow.insert(.head) }
        allow.insert(.options)
        return allow.sorted { $0.rawValue < $1.rawValue }
    }

    /// Every method this server knows a route for at the path, for `OPTIONS *`.
    var allMethods: [HTTPRequest.Method] { Self.allow(Set(nodes.flatMap { $0.routes.map(\.method) })) }
}
