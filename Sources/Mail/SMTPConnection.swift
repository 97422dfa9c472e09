import CCurl
import Foundation

// One connection of libcurl's, from its making to its end. libcurl resolves the name, connects, hears the greeting, says EHLO,
// negotiates TLS, checks the certificate and logs in (`CURLOPT_CONNECT_ONLY`), and then carries what the session says and
// hears. How far it came is read off its transcript (`SMTPDialogue`), because its result codes do not tell a refused login from
// a closed session. It never waits by itself afterwards: each wait is here, with its deadline, and looks now and then whether
// everything is to be broken off.

/// The connection was lost, or no answer came in time.
struct SMTPBreak: Error {
    var reason: String
}

/// One connection, on its session's thread alone. It ends with this object.
final class SMTPConnection {
    private let curl: UnsafeMutableRawPointer
    private let configuration: SMTPConfiguration
    private let stop: StopFlag
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
    private var socket: curl_socket_t = -1
    private var dialogue = SMTPDialogue()
    private var reader = SMTPReplyReader()
    /// The server is not in the middle of anything: it can be taken leave of.
    private var isAtRest = false
    /// The end of the last message.
    private(set) var restsSince = ContinuousClock.now

    /// The longest wait without a look at `stop`.
    private static let longestWait = Duration.milliseconds(500)

    private static let isLibraryReady: Void = { curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }()

    init(_ configuration: SMTPConfiguration, stop: StopFlag) {
        _ = Self.isLibraryReady
        self.configuration = configuration
        self.stop = stop
        guard let curl = curl_easy_init() else { preconditionFailure("libcurl has no memory") }
        self.curl = curl
        errorText[0] = 0
        curl_set_string(curl, CURLOPT_URL, configuration.url)
        curl_set_long(curl, CURLOPT_CONNECT_ONLY, 1)
        curl_set_pointer(curl, CURLOPT_ERRORBUFFER, errorText)
        curl_set_long(curl, CURLOPT_NOSIGNAL, 1)
        curl_set_long(curl, CURLOPT_CONNECTTIMEOUT, configuration.connectSeconds)
        curl_set_long(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, configuration.stepSeconds)
        curl_set_long(curl, CURLOPT_TIMEOUT, configuration.messageSeconds)
        setSecurity()
        listen()
    }

    deinit {
        // libcurl itself takes no leave of a server whose connection it only made.
        var count = 0
        if isAtRest, !stop.isSet { curl_easy_send(curl, "QUIT\r\n", 6, &count) }
        curl_easy_cleanup(curl)
        errorText.deallocate()
        input.deallocate()
    }

    /// What the server said that it can.
    var offers: SMTPDialogue.Offers { dialogue.offers }

    /// - Returns: what stands in the way; nil when a message can be sent.
    func connect() -> SMTPOutcome? {
        let result = curl_easy_perform(curl)
        if result == CURLE_OK { curl_get_socket(curl, &socket) }
        guard result == CURLE_OK, socket >= 0 else { return trouble(result) }
        isAtRest = true
        restsSince = .now
        return nil
    }

    private func setSecurity() {
        curl_set_long(
            curl, CURLOPT_USE_SSL, Int(configuration.requiresTLS ? CURLUSESSL_ALL.rawValue : CURLUSESSL_TRY.rawValue))
        curl_set_long(curl, CURLOPT_SSL_VERIFYPEER, 1)
        curl_set_long(curl, CURLOPT_SSL_VERIFYHOST, 2)
        curl_set_long(curl, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let caFile = configuration.caFile { curl_set_string(curl, CURLOPT_CAINFO, caFile) }
        curl_set_long(curl, CURLOPT_SASL_IR, 1)
        if let user = configuration.user { curl_set_string(curl, CURLOPT_USERNAME, user) }
        if let method = configuration.method { curl_set_string(curl, CURLOPT_LOGIN_OPTIONS, "AUTH=\(method)") }
        guard let password = configuration.password else { return }
        let isToken = configuration.method == "XOAUTH2" || configuration.method == "OAUTHBEARER"
        curl_set_string(curl, isToken ? CURLOPT_XOAUTH2_BEARER : CURLOPT_PASSWORD, password)
    }

    /// Callbacks find their connection by an unretained pointer: they run within `curl_easy_perform` alone.
    private func listen() {
        let own = Unmanaged.passUnretained(self).toOpaque()
        curl_set_long(curl, CURLOPT_VERBOSE, 1)
        curl_set_pointer(curl, CURLOPT_DEBUGDATA, own)
        curl_set_debug_callback(curl) { _, kind, text, count, own in
            guard let text, let own else { return 0 }
            let connection = Unmanaged<SMTPConnection>.fromOpaque(own).takeUnretainedValue()
            // What is said and heard later is no part of it.
            guard connection.socket < 0 else { return 0 }
            let bytes = UnsafeRawBufferPointer(start: text, count: count)
            if kind == CURLINFO_HEADER_OUT { connection.dialogue.said(bytes) }
            if kind == CURLINFO_HEADER_IN { connection.dialogue.heard(bytes) }
            return 0
        }
        curl_set_long(curl, CURLOPT_NOPROGRESS, 0)
        curl_set_pointer(curl, CURLOPT_XFERINFODATA, own)
        curl_set_progress_callback(curl) { own, _, _, _, _ in
            guard let own else { return 0 }
            return Unmanaged<SMTPConnection>.fromOpaque(own).takeUnretainedValue().stop.isSet ? 1 : 0
        }
    }

    private func trouble(_ result: CURLcode) -> SMTPOutcome {
        let reason = errorText[0] == 0 ? String(cString: curl_easy_strerror(result)) : String(cString: errorText)
        let isRefused = dialogue.reply.isRefusal
        let words = isRefused ? dialogue.reply.text : reason
        switch result {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_PROXY:
            return .serverTrouble(.unreachable, text: words)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
            return .serverTrouble(.certificate, text: reason)
        case CURLE_USE_SSL_FAILED, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER:
            return .serverTrouble(.tls, text: words)
        case CURLE_LOGIN_DENIED: return .serverTrouble(.login, text: words)
        default: break
        }
        switch dialogue.step {
        case .connecting, .greeted: return .serverTrouble(isRefused ? .greeting : .unreachable, text: words)
        case .tls: return .serverTrouble(.tls, text: words)
        case .login: return .serverTrouble(isRefused ? .login : .unreachable, text: words)
        }
    }

    // MARK: Once connected

    /// What came last is dealt with: the next message may begin.
    func rest() {
        isAtRest = true
        restsSince = .now
    }

    /// Sends all of it. Each part may take a step's time.
    func say(_ bytes: [UInt8], until end: ContinuousClock.Instant) throws(SMTPBreak) {
        isAtRest = false
        var sent = 0
        var deadline = stepDeadline(end)
        while sent < bytes.count {
            if stop.isSet { throw SMTPBreak(reason: "the service stops") }
            var count = 0
            let result = bytes.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress else { return CURLE_OK }
                return curl_easy_send(curl, start + sent, bytes.count - sent, &count)
            }
            switch result {
            case CURLE_OK where count > 0:
                sent += count
                deadline = stepDeadline(end)
            case CURLE_OK, CURLE_AGAIN: try wait(for: POLLOUT, until: deadline)
            default: throw lost(result)
            }
        }
    }

    /// The next reply.
    func reply(until end: ContinuousClock.Instant) throws(SMTPBreak) -> SMTPReply {
        let deadline = stepDeadline(end)
        while true {
            if let reply = reader.next() { return reply }
            if stop.isSet { throw SMTPBreak(reason: "the service stops") }
            var count = 0
            switch curl_easy_recv(curl, input.baseAddress, input.count, &count) {
            case CURLE_OK where count > 0: reader.take(UnsafeRawBufferPointer(rebasing: input[..<count]))
            case CURLE_OK: throw SMTPBreak(reason: "the server closed the connection")
            case CURLE_AGAIN: try wait(for: POLLIN, until: deadline)
            case let result: throw lost(result)
            }
        }
    }

    private func stepDeadline(_ end: ContinuousClock.Instant) -> ContinuousClock.Instant {
        min(end, .now + .seconds(configuration.stepSeconds))
    }

    /// Returns when it may go on, or a moment later.
    private func wait(for event: Int32, until deadline: ContinuousClock.Instant) throws(SMTPBreak) {
        let left = ContinuousClock.now.duration(to: deadline)
        guard left > .zero else {
            throw SMTPBreak(reason: "no answer within \(configuration.stepSeconds) s")
        }
        let (seconds, attoseconds) = min(left, Self.longestWait).components
        var descriptor = pollfd(fd: socket, events: Int16(event), revents: 0)
        _ = poll(&descriptor, 1, Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000) + 1)
    }

    private func lost(_ result: CURLcode) -> SMTPBreak {
        SMTPBreak(reason: errorText[0] == 0 ? String(cString: curl_easy_strerror(result)) : String(cString: errorText))
    }
}
