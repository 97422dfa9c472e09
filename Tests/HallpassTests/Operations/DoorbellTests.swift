import Testing

@testable import Hallpass

@Suite("Doorbells")
struct DoorbellTests {
    @Test("many rings are one, and one before anybody waits is kept")
    func kept() async {
        let bell = Doorbell()
        bell.ring()
        bell.ring()
        #expect(await bell.wait())
        bell.close()
        #expect(await !bell.wait())
    }

    @Test("whoever waits is woken by a ring, and told when it is closed")
    func waiting() async {
        let (bell, answers) = (Doorbell(), Doorbell())
        let waiting = Task {
            var rings = 0
            while await bell.wait() {
                rings += 1
                answers.ring()
            }
            return rings
        }
        for _ in 1...100 {
            bell.ring()
            #expect(await answers.wait())
        }
        bell.close()
        #expect(await waiting.value == 100)
    }

    @Test("a wake rings the bells of its kind, until they are taken away")
    func signals() async {
        let (signals, outbox, events) = (WakeSignals(), Doorbell(), Doorbell())
        signals.add(outbox, for: .outbox)
        signals.add(events, for: .events)
        signals.wake([.outbox, .launches])
        #expect(await outbox.wait())
        signals.remove(outbox, for: .outbox)
        signals.wake([.outbox, .events])
        #expect(await events.wait())
        outbox.close()
        #expect(await !outbox.wait())
    }
}
