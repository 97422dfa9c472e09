import Foundation

/// What Linux tells of this process: memory, CPU time, descriptors. Prometheus' own names for them.
struct ProcessFacts {
    var residentBytes: Double?
    var virtualBytes: Double?
    var cpuSeconds: Double?
    var threads: Double?
    /// Unix seconds.
    var startTime: Double?
    var openDescriptors: Double?
    var descriptorLimit: Double?

    static func current() -> ProcessFacts {
        var facts = ProcessFacts()
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let page = Double(sysconf(Int32(_SC_PAGESIZE)))
        // The command in parentheses may hold spaces; the fields that are counted stand behind it (proc(5)).
        if let text = read("/proc/self/stat"), let end = text.lastIndex(of: ")") {
            let fields = text[text.index(after: end)...].split(separator: " ").map { Double($0) ?? 0 }
            if fields.count > 21 {
                facts.cpuSeconds = (fields[11] + fields[12]) / ticks
                facts.threads = fields[17]
                facts.startTime = bootTime.map { $0 + fields[19] / ticks }
                facts.virtualBytes = fields[20]
                facts.residentBytes = fields[21] * page
            }
        }
        if let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {  // no /proc, no figure
            // One of them is the one that reads the folder.
            facts.openDescriptors = Double(max(0, names.count - 1))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            facts.descriptorLimit = Double(limit.rlim_cur)
        }
        return facts
    }

    func write(to page: inout PrometheusText) {
        func gauge(_ name: String, _ help: String, _ value: Double?) {
            if let value { page.single(name, .gauge, help, value) }
        }
        gauge("process_resident_memory_bytes", "Resident memory size in bytes.", residentBytes)
        gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", virtualBytes)
        if let cpuSeconds {
            page.single(
                "process_cpu_seconds_total", .counter, "Total user and system CPU time spent in seconds.", cpuSeconds)
        }
        gauge("process_threads", "Number of threads.", threads)
        gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", startTime)
        gauge("process_open_fds", "Number of open file descriptors.", openDescriptors)
        gauge("process_max_fds", "Maximum number of open file descriptors.", descriptorLimit)
    }

    private static let bootTime: Double? = read("/proc/stat")?.split(separator: "\n")
        .first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst("btime ".count)) }

    private static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
