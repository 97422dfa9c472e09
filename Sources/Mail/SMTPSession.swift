import CCurl
import Foundation

// One libcurl handle, which keeps its connection from message to message. libcurl speaks SMTP; what was answered at which
// step is read off its transcript (CURLOPT_DEBUGFUNCTION), because its own result codes do not tell a refused recipient from
// a refused login or a closed session. A connection that the server closed between two messages is found dead before any of
// the message was sent, so the message is tried once more on a fresh one.

final class SMTPSession {
    /// How far the dialogue of the message under way has come.
    enum Step: Int, Comparable {
        case connecting, greeted, tls, login, mail, recipient, data, content

        static func < (a: Step, b: Step) -> Bool { a.rawValue < b.rawValue }
    }

    private let handle: OpaquePointer?
    private let configuration: SMTPConfiguration
    private var message: [UInt8] = []
    private var sent = 0
    private var step = Step.connecting
    private var code = 0
    private var reply = ""
    private var isContinued = false

    private static let prepared: Void = { curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }()

    init(_ configuration: SMTPConfiguration) {
        _ = Self.prepared
        self.configuration = configuration
        handle = curl_easy_init().map { OpaquePointer($0) }
        precondition(handle != nil, "libcurl has no memory")
    }

    deinit { curl_easy_cleanup(curl) }

    private var curl: UnsafeMutableRawPointer? { handle.map { UnsafeMutableRawPointer($0) } }

    func send(_ message: [UInt8], from sender: String, to recipients: [String]) -> SMTPOutcome {
        let outcome = attempt(message, from: sender, to: recipients, fresh: false)
        guard case .connectionLost = outcome, step <= .mail, sent == 0, !isNewConnection else { return outcome }
        return attempt(message, from: sender, to: recipients, fresh: true)
    }

    /// Connects, negotiates TLS, logs in, and says NOOP, or begins a message of the sender's that never comes.
    func verify(sender: String?) -> SMTPOutcome {
        prepare(fresh: true)
        curl_set_string(curl, CURLOPT_CUSTOMREQUEST, sender.map { "MAIL FROM:<\($0)>" } ?? "NOOP")
        curl_set_long(curl, CURLOPT_NOBODY, 1)
        return outcome(of: curl_easy_perform(curl))
    }

    private func attempt(
        _ message: [UInt8], from sender: String, to recipients: [String], fresh: Bool
    ) -> SMTPOutcome {
        prepare(fresh: fresh)
        self.message = message
        var list: UnsafeMutablePointer<curl_slist>?
        for recipient in recipients { list = curl_slist_append(list, "<\(recipient)>") }
        defer { curl_slist_free_all(list) }
        curl_set_string(curl, CURLOPT_MAIL_FROM, "<\(sender)>")
        curl_set_pointer(curl, CURLOPT_MAIL_RCPT, list)
        curl_set_long(curl, CURLOPT_UPLOAD, 1)
        return outcome(of: curl_easy_perform(curl))
    }

    private func prepare(fresh: Bool) {
        (message, sent, step, code, reply, isContinued) = ([], 0, .connecting, 0, "", false)
        curl_easy_reset(curl)
        curl_set_string(curl, CURLOPT_URL, configuration.url)
        curl_set_long(curl, CURLOPT_NOSIGNAL, 1)
        curl_set_long(curl, CURLOPT_FRESH_CONNECT, fresh ? 1 : 0)
        curl_set_long(curl, CURLOPT_CONNECTTIMEOUT, configuration.connectSeconds)
        curl_set_long(curl, CURLOPT_TIMEOUT, configuration.messageSeconds)
        curl_set_long(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, configuration.stallSeconds)
        curl_set_long(
            curl, CURLOPT_USE_SSL, Int(configuration.requiresTLS ? CURLUSESSL_ALL.rawValue : CURLUSESSL_TRY.rawValue))
        curl_set_long(curl, CURLOPT_SSL_VERIFYPEER, 1)
        curl_set_long(curl, CURLOPT_SSL_VERIFYHOST, 2)
        if let caFile = configuration.caFile { curl_set_string(curl, CURLOPT_CAINFO, caFile) }
        if let user = configuration.user { curl_set_string(curl, CURLOPT_USERNAME, user) }
        if let password = configuration.password { curl_set_string(curl, CURLOPT_PASSWORD, password) }
        curl_set_long(curl, CURLOPT_VERBOSE, 1)
        let own = Unmanaged.passUnretained(self).toOpaque()
        curl_set_pointer(curl, CURLOPT_DEBUGDATA, own)
        curl_set_debug_callback(curl) { _, kind, text, count, own in
            guard let text, let own else { return 0 }
            let session = Unmanaged<SMTPSession>.fromOpaque(own).takeUnretainedValue()
            session.overhear(kind, UnsafeRawBufferPointer(start: text, count: count))
            return 0
        }
        curl_set_pointer(curl, CURLOPT_READDATA, own)
        curl_set_data_callback(curl, CURLOPT_READFUNCTION) { buffer, size, count, own in
            guard let buffer, let own else { return 0 }
            return Unmanaged<SMTPSession>.fromOpaque(own).takeUnretainedValue().read(into: buffer, size * count)
        }
        curl_set_data_callback(curl, CURLOPT_WRITEFUNCTION) { _, size, count, _ in size * count }
    }

    private var isNewConnection: Bool {
        var count = 0
        curl_get_long(curl, CURLINFO_NUM_CONNECTS, &count)
        return count > 0
    }

    private func read(into buffer: UnsafeMutablePointer<CChar>, _ room: Int) -> Int {
        step = .content
        let count = min(room, message.count - sent)
        message.withUnsafeBytes { bytes in
            guard count > 0, let start = bytes.baseAddress else { return }
            UnsafeMutableRawPointer(buffer).copyMemory(from: start + sent, byteCount: count)
        }
        sent += count
        return count
    }

    /// Follows the dialogue: what we said names the step, what was answered is kept.
    private func overhear(_ kind: curl_infotype, _ bytes: UnsafeRawBufferPointer) {
        let text = String(decoding: bytes, as: UTF8.self)
        switch kind {
        case CURLINFO_HEADER_OUT:
            let command = text.prefix(8).uppercased()
            if command.hasPrefix("EHLO") || command.hasPrefix("HELO") { step = max(step, .greeted) }
            if command.hasPrefix("STARTTLS") { step = .tls }
            if command.hasPrefix("AUTH") { step = .login }
            if command.hasPrefix("MAIL FRO") { step = .mail }
            if command.hasPrefix("RCPT TO") { step = .recipient }
            if command.hasPrefix("DATA") { step = .data }
            if command.hasPrefix("MAIL") || command.hasPrefix("RCPT") || command.hasPrefix("DATA") {
                (code, reply) = (0, "")
            }
        case CURLINFO_HEADER_IN:
            for line in text.split(whereSeparator: \.isNewline) where line.count >= 3 {
                guard let number = Int(line.prefix(3)) else { continue }
                code = number
                reply = isContinued ? "\(reply) \(line.dropFirst(4))" : String(line)
                isContinued = line.dropFirst(3).first == "-"
            }
        default: break
        }
    }

    private func outcome(of result: CURLcode) -> SMTPOutcome {
        let words = reply.isEmpty ? String(cString: curl_easy_strerror(result)) : reply
        if result == CURLE_OK { return .accepted(code: code == 0 ? 250 : code, reply: words) }
        switch result {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_PROXY:
            return .serverTrouble(.unreachable, text: words)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
            return .serverTrouble(.certificate, text: String(cString: curl_easy_strerror(result)))
        case CURLE_USE_SSL_FAILED, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER:
            return .serverTrouble(.tls, text: String(cString: curl_easy_strerror(result)))
        case CURLE_LOGIN_DENIED: return .serverTrouble(.login, text: words)
        default: break
        }
        let isRefusal = code >= 400
        switch step {
        case .connecting: return .serverTrouble(isRefusal ? .greeting : .unreachable, text: words)
        case .greeted: return .serverTrouble(isRefusal ? .greeting : .unreachable, text: words)
        case .tls: return .serverTrouble(.tls, text: words)
        case .login: return .serverTrouble(.login, text: words)
        case .mail, .recipient, .data, .content:
            if code >= 500 { return .permanentRefusal(code: code, reply: words) }
            if code >= 400 { return .temporaryRefusal(code: code, reply: words) }
            return .connectionLost(String(cString: curl_easy_strerror(result)))
        }
    }
}
