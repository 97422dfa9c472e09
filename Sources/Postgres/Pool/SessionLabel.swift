extension SQL {
    /// Names the session (`application_name`) until the transaction or the unit ends, however it ends; the server keeps 63
    /// bytes. As a function, since SET LOCAL warns outside of a block. What no text may hold is cut off with the rest.
    static func labellingSession(_ label: String) -> SQL {
        let label = label.utf8.contains(0) ? String(label.prefix { $0 != "\0" }) : label
        return "SELECT set_config('application_name', \(label), true)"
    }
}
