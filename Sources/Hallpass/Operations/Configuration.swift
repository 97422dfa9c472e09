import Foundation
import Integrations

/// What the service runs with: every setting of API §7, read and checked. `Settings` reads it from the environment.
struct Configuration: Sendable {
    /// libpq URI; nil runs the managed cluster under `dataFolder`.
    var databaseURL: String?
    var dataFolder = ".hallpass"
    var listen = "127.0.0.1:8080"
    var probeListen: String?
    /// Where clients reach the service; nil is the listen address.
    var baseURL: String?
    /// The vendor's page at Clever, with `{district}` and `{kind}`.
    var setupURL = "https://clever.com/oauth/district-picker?district={district}&integration={kind}"
    var bootstrapToken: String?
    /// `whsec_…`; empty makes one.
    var webhookSecrets: [String] = []
    var smtpURL: String?
    var smtpCAFile: String?
    var mailFrom = "Hallpass <hallpass@localhost>"
    var templatesFolder: String?
    var vendorName = "Hallpass"
    /// Given to new districts.
    var accountManager: String?
    var checklistSSO = ["data_reviewed", "login_tested"]
    var checklistRostering = ["data_reviewed", "license_confirmed", "sharing_matches_sso", "import_enabled"]
    /// Event loops; 0 is one a core.
    var loops = 0
    /// Database connections for each loop.
    var databaseConnections = 8
    var trustedProxies: [String] = []
    /// Wrong tokens that one address may send; 0 does not limit.
    var refusedAttemptsPerMinute = 1200
    /// A proxy with TLS stands in front, so a public address may be listened on.
    var hasTLSInFront = false
    var newRequestMail = true
    var digestMail = true
    var mailSignature: String?
    var logoText: String?
    /// `#rrggbb`
    var brandColor = "#1a56db"
    var bodyRetentionDays = 400
    var sharedDataRetentionDays = 30
    var logLevel = "info"
    /// `text` or `json`; nil is text on a terminal, else json.
    var logFormat: String?
}

extension Configuration {
    /// The checklist of a new request.
    func checklist(_ kind: Kind) -> [String] { kind == .sso ? checklistSSO : checklistRostering }
}
