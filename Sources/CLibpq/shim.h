#include <libpq-fe.h>
#include <spawn.h>

// glibc's own, which its headers show only under _GNU_SOURCE: what starting a private server needs.
int pipe2(int ends[2], int flags);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);
