import Foundation

/// A self-signed certificate made by openssl, for servers on loopback.
public struct TestCertificate: Sendable {
    /// PEM files. To trust the certificate, name it as the CA file.
    public let certificate: String
    public let key: String

    /// For the names of this machine's loopback.
    public static let good = Result { try make("DNS:localhost,IP:127.0.0.1") }
    /// For somebody else.
    public static let ofAnotherName = Result { try make("DNS:other.example") }

    private static func make(_ names: String) throws -> TestCertificate {
        let folder = TestCluster.newFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let made = TestCertificate(certificate: "\(folder)/certificate.pem", key: "\(folder)/key.pem")
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2",
            "-subj", "/CN=test", "-addext", "subjectAltName=\(names)", "-keyout", made.key, "-out", made.certificate,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Python.Failure(description: "openssl made no certificate") }
        return made
    }
}
