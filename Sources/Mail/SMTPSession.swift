import CCurl
import Foundation

// One libcurl handle, which keeps its connection from message to message. libcurl speaks SMTP; what was answered at which
// step is read off its transcript (`SMTPDialogue`), because its own result codes do not tell a refused recipient from a
// refused login or a closed session. A connection that the server closed between two messages is found dead before any of
// the message was sent, so the message is tried once more on a fresh one.

/// One connection. It blocks, and is worked with on one thread (`SMTPTransport.withSession`).
public final class SMTPSession {
    private let handle: OpaquePointer?
    private let configuration: SMTPConfiguration
    private let stop: StopFlag
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var dialogue = SMTPDialogue()
    private var message: [UInt8] = []
    private var sent = 0
    private var needsUTF8 = false
    private var lacksUTF8 = false

    private enum Purpose {
        case sending, verifying
    }
    /// What the handle's options were set for last.
    private var prepared: Purpose?

    private static let isLibraryReady: Void = { curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }()

    init(_ configuration: SMTPConfiguration, stop: StopFlag) {
        _ = Self.isLibraryReady
        self.configuration = configuration
        self.stop = stop
        handle = curl_easy_init().map { OpaquePointer($0) }
        precondition(handle != nil, "libcurl has no memory")
    }

    deinit {
        if stop.isSet { hangUp() }
        curl_easy_cleanup(curl)
        errorText.deallocate()
    }

    private var curl: UnsafeMutableRawPointer? { handle.map { UnsafeMutableRawPointer($0) } }

    /// Sends one message; see `SMTPTransport.send`.
    public func send(_ message: [UInt8], from sender: String, to recipients: [String]) -> SMTPOutcome {
        for address in [sender] + recipients {
            if let offence = EmailAddress.offence(in: address) {
                return .permanentRefusal(code: 553, reply: "not sent: the address \(offence)")
            }
        }
        let outcome = attempt(message, from: sender, to: recipients, fresh: false)
        guard sent == 0, dialogue.step <= .mail, !isNewConnection, !stop.isSet else { return outcome }
        switch outcome {
        case .connectionLost, .temporaryRefusal(code: 421, _):
            return attempt(message, from: sender, to: recipients, fresh: true)
        default: return outcome
        }
    }

    /// Connects, negotiates TLS, logs in, and says NOOP, or begins a message of the sender's that never comes.
    func verify(sender: String?) -> SMTPOutcome {
        prepare(fresh: true, for: .verifying)
        curl_set_string(curl, CURLOPT_CUSTOMREQUEST, sender.map { "MAIL FROM:<\($0)>" } ?? "NOOP")
        curl_set_long(curl, CURLOPT_NOBODY, 1)
        return outcome(of: curl_easy_perform(curl))
    }

    private func attempt(
        _ message: [UInt8], from sender: String, to recipients: [String], fresh: Bool
    ) -> SMTPOutcome {
        prepare(fresh: fresh, for: .sending)
        self.message = message
        needsUTF8 = ([sender] + recipients).contains(where: EmailAddress.needsSMTPUTF8)
        var list: UnsafeMutablePointer<curl_slist>?
        for recipient in recipients { list = curl_slist_append(list, "<\(EmailAddress.wireForm(recipient))>") }
        defer { curl_slist_free_all(list) }
        curl_set_string(curl, CURLOPT_MAIL_FROM, "<\(EmailAddress.wireForm(sender))>")
        curl_set_pointer(curl, CURLOPT_MAIL_RCPT, list)
        curl_set_long(curl, CURLOPT_UPLOAD, 1)
        curl_set_size(curl, CURLOPT_INFILESIZE_LARGE, declaredSize)
        return outcome(of: curl_easy_perform(curl))
    }

    /// What libcurl is told of the message's length: then it ends the message together with its last octet, and tells a server
    /// that asks for it (RFC 1870). It counts with the dots that it stuffs, so of a message with such it is told nothing (-1).
    private var declaredSize: Int64 {
        message.withUnsafeBytes { bytes in
            guard var line = bytes.baseAddress else { return 0 }
            let end = line + bytes.count
            while line < end {
                if line.load(as: UInt8.self) == UInt8(ascii: ".") { return -1 }
                guard let lineEnd = memchr(line, Int32(UInt8(ascii: "\n")), end - line) else { break }
                line = UnsafeRawPointer(lineEnd) + 1
            }
            return Int64(bytes.count)
        }
    }

    private func prepare(fresh: Bool, for purpose: Purpose) {
        (message, sent, needsUTF8, lacksUTF8) = ([], 0, false, false)
        dialogue.begin()
        errorText[0] = 0
        if prepared != purpose { prepare() }
        prepared = purpose
        curl_set_long(curl, CURLOPT_FRESH_CONNECT, fresh ? 1 : 0)
    }

    /// What is the same for every message.
    private func prepare() {
        curl_easy_reset(curl)
        curl_set_string(curl, CURLOPT_URL, configuration.url)
        curl_set_pointer(curl, CURLOPT_ERRORBUFFER, errorText)
        curl_set_long(curl, CURLOPT_NOSIGNAL, 1)
        // Messages are small. libcurl takes twice as much besides for each, which is to come from the heap, not from the kernel.
        curl_set_long(curl, CURLOPT_UPLOAD_BUFFERSIZE, 32_768)
        setLimits()
        setSecurity()
        listen()
    }

    private func setLimits() {
        curl_set_long(curl, CURLOPT_CONNECTTIMEOUT, configuration.connectSeconds)
        curl_set_long(curl, CURLOPT_TIMEOUT, configuration.messageSeconds)
        curl_set_long(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, configuration.stepSeconds)
        // A server that stops reading amid a message: less than a byte a second.
        curl_set_long(curl, CURLOPT_LOW_SPEED_LIMIT, 1)
        curl_set_long(curl, CURLOPT_LOW_SPEED_TIME, configuration.stepSeconds)
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

    /// Callbacks find their session by an unretained pointer: they run within `curl_easy_perform` alone.
    private func listen() {
        let own = Unmanaged.passUnretained(self).toOpaque()
        curl_set_long(curl, CURLOPT_VERBOSE, 1)
        curl_set_pointer(curl, CURLOPT_DEBUGDATA, own)
        curl_set_debug_callback(curl) { _, kind, text, count, own in
            guard let text, let own else { return 0 }
            let session = Unmanaged<SMTPSession>.fromOpaque(own).takeUnretainedValue()
            let bytes = UnsafeRawBufferPointer(start: text, count: count)
            if kind == CURLINFO_HEADER_OUT { session.dialogue.said(bytes) }
            if kind == CURLINFO_HEADER_IN { session.dialogue.heard(bytes) }
            return 0
        }
        curl_set_pointer(curl, CURLOPT_READDATA, own)
        curl_set_data_callback(curl, CURLOPT_READFUNCTION) { buffer, size, count, own in
            guard let buffer, let own else { return 0 }
            return Unmanaged<SMTPSession>.fromOpaque(own).takeUnretainedValue().read(into: buffer, size * count)
        }
        curl_set_data_callback(curl, CURLOPT_WRITEFUNCTION) { _, size, count, _ in size * count }
        curl_set_long(curl, CURLOPT_NOPROGRESS, 0)
        curl_set_pointer(curl, CURLOPT_XFERINFODATA, own)
        curl_set_progress_callback(curl) { own, _, _, _, _ in
            guard let own else { return 0 }
            return Unmanaged<SMTPSession>.fromOpaque(own).takeUnretainedValue().stop.isSet ? 1 : 0
        }
    }

    /// Without it libcurl would take its leave of a server that does not answer, for minutes.
    private func hangUp() {
        var socket: curl_socket_t = -1
        if curl_get_socket(curl, &socket) == CURLE_OK, socket >= 0 { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    private var isNewConnection: Bool {
        var count = 0
        curl_get_long(curl, CURLINFO_NUM_CONNECTS, &count)
        return count > 0
    }

    private func read(into buffer: UnsafeMutablePointer<CChar>, _ room: Int) -> Int {
        dialogue.step = .content
        if needsUTF8, !dialogue.offersUTF8 {
            lacksUTF8 = true
            return Int(CURL_READFUNC_ABORT)
        }
        let count = min(room, message.count - sent)
        message.withUnsafeBytes { bytes in
            guard count > 0, let start = bytes.baseAddress else { return }
            UnsafeMutableRawPointer(buffer).copyMemory(from: start + sent, byteCount: count)
        }
        sent += count
        return count
    }

    private func outcome(of result: CURLcode) -> SMTPOutcome {
        let code = dialogue.code
        let reason = errorText[0] == 0 ? String(cString: curl_easy_strerror(result)) : String(cString: errorText)
        let words = dialogue.isRefused ? dialogue.reply : reason
        if result == CURLE_OK { return .accepted(code: code == 0 ? 250 : code, reply: dialogue.reply) }
        if lacksUTF8 {
            return .permanentRefusal(
                code: 553,
                reply: "not sent: the address has letters that need SMTPUTF8, which the server does not offer")
        }
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
        case .connecting, .greeted: return .serverTrouble(dialogue.isRefused ? .greeting : .unreachable, text: words)
        case .tls: return .serverTrouble(.tls, text: words)
        case .login: return .serverTrouble(dialogue.isRefused ? .login : .unreachable, text: words)
        case .mail, .recipient, .data, .content:
            // RFC 4954 §6: the server wants a login, or a better one, before any message.
            if [530, 534, 535, 538].contains(code), dialogue.step < .data {
                return .serverTrouble(.login, text: words)
            }
            if code >= 500 { return .permanentRefusal(code: code, reply: words) }
            if code >= 400 { return .temporaryRefusal(code: code, reply: words) }
            return .connectionLost(reason)
        }
    }
}
