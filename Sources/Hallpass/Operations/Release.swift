/// This build.
public enum Release {
    /// Semantic version.
    public static let version = "0.1.0"
}
