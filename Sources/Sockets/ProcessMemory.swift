import CLinux

/// The memory of this process as the system sees it.
public enum ProcessMemory {
    /// Gives back what has been freed (glibc's `malloc_trim`): without it, what one large piece of work has used stays with the
    /// arena of its thread, and the next one on another thread adds its own. Takes some milliseconds.
    public static func giveBack() { linux_give_back_memory() }
}
