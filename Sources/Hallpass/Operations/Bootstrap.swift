import Crypto
import Foundation
import Postgres

/// What a first start makes: the admin token and the webhook secret, each in a file of the data folder.
enum Bootstrap {
    static func webhookSecrets(_ configuration: Configuration) throws -> WebhookSecrets {
        if !configuration.webhookSecrets.isEmpty {
            return WebhookSecrets(secrets: configuration.webhookSecrets.compactMap { WebhookSecret($0) })
        }
        let path = configuration.dataFolder + "/webhook-secret"
        let text: String
        if let kept = try SecretFile.read(path) {
            text = kept
        } else {
            text = WebhookSecret.make()
            try SecretFile.write(text, to: path)
        }
        let secrets = text.split(whereSeparator: \.isWhitespace).map { WebhookSecret(String($0)) }
        guard !secrets.isEmpty, !secrets.contains(where: { $0 == nil }) else {
            throw StartError(
                "\(path) holds no webhook secret (whsec_ and base64); remove it, and the next start makes a new one")
        }
        return WebhookSecrets(secrets: secrets.compactMap { $0 })
    }

    /// The admin token exists in the database: the configured one, or the one in the file, made at the first start.
    static func adminToken(_ application: Application) async throws {
        let configuration = application.configuration
        let path = configuration.dataFolder + "/admin-token"
        if let token = configuration.bootstrapToken {
            try await insert(token, application)
            return
        }
        if let token = try SecretFile.read(path) {
            // The file outlives its database when that was made anew: then nothing has ever happened in it. Having no
            // tokens is not enough, for the one in the file may have been revoked and retired since.
            let history = try await application.database.query(
                Query("audit.any", "SELECT EXISTS (SELECT FROM audit_entry) OR EXISTS (SELECT FROM token)"))
            if try !history[0].get(0, as: Bool.self) { try await insert(token, application) }
            return
        }
        let tokens = try await application.database.query(
            Query("token.any_admin", "SELECT EXISTS (SELECT FROM token WHERE role = 'admin' AND revoked_at IS NULL)"))
        if try tokens[0].get(0, as: Bool.self) { return }
        let token = TokenText.make()
        try SecretFile.write(token, to: path)
        try await insert(token, application)
    }

    private static func insert(_ token: String, _ application: Application) async throws {
        let now = application.now()
        try await application.perform(author: .service, now: now) { work in
            // Instances that start at once come one after the other.
            work.lockServiceChain()
            let rows = try await work.transaction.query(
                Query("token.by_hash", "SELECT id FROM token WHERE hash = \(TokenText.hash(token))"))
            guard rows.isEmpty else { return }
            NewToken(name: "admin", role: .admin, expiresAt: nil, text: token).insert(work)
        }
    }
}

/// The text of a token: `hp_` and 256 random bits; only its hash is stored.
enum TokenText {
    static func make() -> String {
        let bits = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }.base64EncodedString()
        return "hp_" + bits.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func hash(_ text: String) -> [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}

/// The folder of the service's own files.
enum DataFolder {
    /// Makes it when it is missing, out of other users' reach: it holds tokens and e-mails. Root's can be passed through
    /// by the account that the managed PostgreSQL runs as.
    static func prepare(_ path: String) throws(StartError) {
        var isFolder: ObjCBool = false
        if !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
            do {
                try FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: true,
                    attributes: [.posixPermissions: geteuid() == 0 ? 0o711 : 0o700])
            } catch {
                throw StartError("\(path) cannot be made; set HALLPASS_DATA to a folder that this user may write")
            }
        } else if !isFolder.boolValue {
            throw StartError("\(path) is not a folder; set HALLPASS_DATA to one that this user may write")
        }
        guard FileManager.default.isWritableFile(atPath: path) else {
            throw StartError("\(path) cannot be written; give it to this user, or set HALLPASS_DATA to another folder")
        }
    }
}
