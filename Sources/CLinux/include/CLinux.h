#ifndef CLINUX_H
#define CLINUX_H

// The Linux calls that Foundation's Glibc overlay does not bring: epoll, eventfd, accept4, thread names, scheduling
// policies, prctl, malloc_trim, mremap.
// _GNU_SOURCE stays undefined, since it would change structures that other modules have read without it.

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <stddef.h>

extern int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags);
extern void *mremap(void *old, size_t size, size_t new_size, int flags, ...);
extern int malloc_trim(size_t padding);
extern int pthread_setname_np(pthread_t thread, const char *name);

static inline int linux_accept(int listener, struct sockaddr *address, socklen_t *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline int linux_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline int linux_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline void linux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
static inline int linux_schedule_as_batch(void) {
    struct sched_param none = { 0 };
    return sched_setscheduler(0, /* SCHED_BATCH */ 3, &none);
}
static inline void linux_give_back_memory(void) { malloc_trim(0); }
/// Null when there is no memory left. The mapping may move.
static inline void *linux_grow_mapping(void *old, size_t size, size_t new_size) {
    const int may_move = 1;
    void *grown = mremap(old, size, new_size, may_move);
    return grown == (void *)-1 ? NULL : grown;
}
static inline void linux_forbid_dumps(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

#endif
