import Testing

@testable import Postgres

@Suite("Connection strings")
struct ConnectionTargetTests {
    @Test("several hosts become one candidate each, in order, with their ports")
    func hosts() throws {
        let target = try ConnectionTarget(
            "postgresql://amy@one:1111,two:2222/hallpass?target_session_attrs=read-write", applicationName: "x")
        #expect(target.candidates.map { $0.keywords["host"] } == ["one", "two"])
        #expect(target.candidates.map { $0.keywords["port"] } == ["1111", "2222"])
        #expect(target.candidates.allSatisfy { $0.keywords["target_session_attrs"] == "read-write" })
        #expect(target.candidates.map(\.hostToResolve) == ["one", "two"])
        #expect(target.hasSeveralHosts)
    }

    @Test(
        "addresses and socket folders need no look-up",
        arguments: [
            "postgresql://127.0.0.1/x", "postgresql://[::1]/x", "host=/run/postgresql dbname=x", "dbname=x",
            "host=name hostaddr=10.0.0.1",
        ])
    func noLookUp(connection: String) throws {
        let target = try ConnectionTarget(connection, applicationName: "x")
        #expect(target.candidates.count == 1)
        #expect(target.candidates[0].hostToResolve == nil)
    }

    @Test("a peer that vanishes is noticed unless the string says otherwise")
    func keepalives() throws {
        let plain = try ConnectionTarget("postgresql://h/x", applicationName: "app").candidates[0].keywords
        #expect(plain["tcp_user_timeout"] == "10000")
        #expect(plain["keepalives_idle"] == "5")
        #expect(plain["application_name"] == "app")
        let own = try ConnectionTarget(
            "postgresql://h/x?tcp_user_timeout=7&application_name=me", applicationName: "app")
        #expect(own.candidates[0].keywords["tcp_user_timeout"] == "7")
        #expect(own.candidates[0].keywords["application_name"] == "me")
    }

    @Test(
        "a string that cannot be read is said to be one",
        arguments: [
            "postgresql://h:port/x", "host=a nonsense=1", "postgresql://a,b:1,c:2/x?port=1,2", "mysql://h/x",
        ])
    func unreadable(connection: String) {
        #expect {
            _ = try DatabaseConfiguration(connection)
        } throws: { error in
            if case .configuration = error as? DatabaseError { true } else { false }
        }
    }
}
