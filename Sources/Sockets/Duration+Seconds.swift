extension Duration {
    /// In seconds, to a nanosecond, up to three centuries. A Duration has 128 bits, and to divide or convert that many takes
    /// longer than to read the clock; what is reckoned for every request uses this.
    public var inSeconds: Double {
        Double(Int64(truncatingIfNeeded: attoseconds >> 30)) * (1_073_741_824 * 1e-18)
    }
}
