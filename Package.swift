// swift-tools-version: 6.2
import PackageDescription

let swift: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

func library(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: swift)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: swift)
}

let package = Package(
    name: "hallpass",
    products: [
        .executable(name: "hallpass", targets: ["HallpassCLI"]),
        .library(name: "HTTPServer", targets: ["HTTPCore", "Sockets", "HTTPServer"]),
        .library(name: "Postgres", targets: ["Postgres"]),
        .library(name: "Mail", targets: ["Mail"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibpq", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(name: "CLinux"),

        library("HTTPCore", [httpTypes]),
        library("Sockets", ["CLinux"]),
        library("HTTPServer", ["HTTPCore", "Sockets", "CZlib", httpTypes, logging]),
        library("Postgres", ["Sockets", "CLibpq", logging]),
        library("Mail", ["CCurl"]),
        library("Integrations", []),
        library(
            "Hallpass",
            [
                "HTTPServer", "Postgres", "Mail", "Integrations", "HTTPCore", "Sockets", "CZlib", "CLinux",
                crypto, httpTypes, logging, mustache, serviceLifecycle,
            ],
            resources: [.embedInCode("Migrations")]),
        .executableTarget(
            name: "HallpassCLI", dependencies: ["Hallpass", argumentParser, logging], swiftSettings: swift),

        .target(
            name: "TestSupport", dependencies: ["Postgres", "Sockets"], path: "Tests/TestSupport",
            exclude: ["Python"], swiftSettings: swift),
        tests("HTTPCoreTests", ["HTTPCore", httpTypes]),
        tests("SocketsTests", ["Sockets"]),
        tests("HTTPServerTests", ["HTTPServer", "HTTPCore", "Sockets", httpTypes, logging]),
        tests("PostgresTests", ["Postgres", "Sockets", "TestSupport", logging]),
        tests("MailTests", ["Mail", "TestSupport"]),
        tests("IntegrationsTests", ["Integrations"]),
        tests(
            "HallpassTests",
            [
                "Hallpass", "HallpassCLI", "HTTPServer", "HTTPCore", "Postgres", "Mail", "Integrations", "Sockets",
                "TestSupport", crypto, httpTypes, logging,
            ]),
        .testTarget(name: "Tidy", path: "Tests/Tidy", swiftSettings: swift),
    ]
)
