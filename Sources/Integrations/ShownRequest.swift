/// A request as it is shown: with its district, and with what its next step has to know of the other kind's request.
public struct ShownRequest: Sendable, Hashable {
    public var request: IntegrationRequest
    public var district: DistrictSummary
    /// Where the district's open request of the other kind stands; nil when there is none.
    public var pairState: RequestState?

    public init(_ request: IntegrationRequest, district: DistrictSummary, pairState: RequestState?) {
        self.request = request
        self.district = district
        self.pairState = pairState
    }
}

extension DistrictCase {
    /// - Parameter request: one of this case, or an ended one of this district.
    public func shown(_ request: IntegrationRequest) -> ShownRequest {
        ShownRequest(request, district: district.summary, pairState: open(request.kind.pair)?.state)
    }
}
