/// What became of a message, by what its sender should do next.
public enum SMTPOutcome: Sendable, Hashable {
    /// The server took it over.
    case accepted(code: Int, reply: String)
    /// 4xx for this message: try again later.
    case temporaryRefusal(code: Int, reply: String)
    /// 5xx for this message: it will never be taken.
    case permanentRefusal(code: Int, reply: String)
    /// The session broke off after it had begun, or no answer came: the message may have been taken; try again later.
    case connectionLost(String)
    /// The server cannot be used at all just now, for any message.
    case serverTrouble(Trouble, text: String)

    /// What stands in the way of every message.
    public enum Trouble: String, Sendable, Hashable, CaseIterable {
        /// The name does not resolve, or nobody answers.
        case unreachable
        /// The certificate is not one to be trusted, or of another name.
        case certificate
        /// STARTTLS is required and not offered, or TLS fails.
        case tls
        /// User or password were refused, or no method that both know, or the server wants a login (530).
        case login
        /// The server greets with a refusal, or refuses to be greeted.
        case greeting
    }
}
