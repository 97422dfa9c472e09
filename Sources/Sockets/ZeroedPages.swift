import CLinux
import Foundation

/// Memory straight from the system, zero at first, that grows without a second copy and is given back whole the moment it is
/// let go: for tables of many megabytes, which would otherwise stay with the allocator of the thread that made them.
public final class ZeroedPages {
    private static let hugePage = 2 << 20

    /// Aligned to a page.
    public private(set) var base: UnsafeMutableRawPointer
    public private(set) var byteCount: Int

    /// - Parameter byteCount: a multiple of the page size, 4096. Running out of memory ends the process, as anywhere in Swift.
    public init(byteCount: Int) {
        let pages = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let pages, pages != MAP_FAILED else { preconditionFailure("out of memory: \(byteCount) bytes") }
        base = pages
        self.byteCount = byteCount
    }

    deinit { munmap(base, byteCount) }

    /// Twice the size: what was there stays, what comes after it is zero. Pointers from before are invalid.
    public func double() {
        guard let grown = linux_grow_mapping(base, byteCount, 2 * byteCount) else {
            preconditionFailure("out of memory: \(2 * byteCount) bytes")
        }
        base = grown
        byteCount *= 2
        // Large tables are looked at in no order, which costs a walk of the page table each time where pages are small. Only
        // advice: a system that has no huge pages goes on without.
        if byteCount >= Self.hugePage { _ = madvise(base, byteCount, MADV_HUGEPAGE) }
    }
}
