import Foundation
import ServiceLifecycle

/// What runs beside the server, in every instance.
enum Workers {
    static func all(_ application: Application) -> [any Service] {
        let delivery: any MailDelivery =
            SMTPDelivery(application.configuration) ?? FileDelivery(application.configuration)
        let outbox = OutboxWorker(application: application, delivery: delivery)
        let launches = LaunchWorker(application: application)
        let digests = DigestWorker(application: application)
        let retention = Retention(application: application)
        return [
            WakeRelay(application: application),
            LastUseWriter(application: application),
            WorkerLoop(name: "outbox", application: application, wake: .outbox, rest: .milliseconds(10)) {
                try await outbox.turn()
            },
            WorkerLoop(name: "outbox leases", application: application, pollSeconds: 10) {
                try await outbox.renewLeases()
                return false
            },
            WorkerLoop(name: "launches", application: application, wake: .launches) { try await launches.turn() },
            WorkerLoop(name: "digests", application: application, pollSeconds: 60) { try await digests.turn() },
            WorkerLoop(name: "retention", application: application, pollSeconds: 60) { try await retention.turn() },
        ] + EventWorker(application: application).loops
    }
}
