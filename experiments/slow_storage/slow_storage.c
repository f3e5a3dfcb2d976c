/*
 * Storage that answers slowly: a library for LD_PRELOAD.
 *
 * For files below the folder SLOW_ROOT, each open() takes some microseconds longer, and each read()
 * or pread() others, as slow_storage_set() says. The thread sleeps, as it does while a disk or a
 * network answers. The caller's code is not changed, whatever it is: Python, TensorFlow, OpenCV, or
 * a worker process.
 *
 *     gcc -O2 -shared -fPIC -o slow_storage.so slow_storage.c -ldl -lpthread
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_FILES 65536

static const char *root;
static size_t root_length;
static volatile long open_us, read_us;
static volatile char is_slow[MAX_FILES]; /* by file descriptor */

__attribute__((constructor)) static void begin(void)
{
    root = getenv("SLOW_ROOT");
    root_length = root ? strlen(root) : 0;
}

/* Say how much longer, in microseconds. Worker processes that are forked later inherit it. */
void slow_storage_set(long per_open_us, long per_read_us)
{
    open_us = per_open_us;
    read_us = per_read_us;
}

static void wait_us(long us)
{
    struct timespec left = {us / 1000000, us % 1000000 * 1000};
    int before = errno;
    if (us <= 0)
        return;
    while (nanosleep(&left, &left) == -1 && errno == EINTR)
        ;
    errno = before;
}

static int is_below(const char *path)
{
    return root_length && strncmp(path, root, root_length) == 0;
}

static int opened(int file, int slow)
{
    if (file >= 0 && file < MAX_FILES)
        is_slow[file] = slow;
    return file;
}

static void before_read(int file)
{
    if (read_us && file >= 0 && file < MAX_FILES && is_slow[file])
        wait_us(read_us);
}

#define REAL(name, type) \
    static type real;    \
    if (!real)           \
        real = (type)dlsym(RTLD_NEXT, name)

typedef int (*open_t)(const char *, int, ...);
typedef int (*openat_t)(int, const char *, int, ...);
typedef FILE *(*fopen_t)(const char *, const char *);
typedef ssize_t (*read_t)(int, void *, size_t);
typedef ssize_t (*pread_t)(int, void *, size_t, off64_t);
typedef ssize_t (*preadv_t)(int, const struct iovec *, int, off64_t);

#define OPEN(name)                                        \
    int name(const char *path, int flags, ...)            \
    {                                                     \
        REAL(#name, open_t);                              \
        mode_t mode = 0;                                  \
        va_list more;                                     \
        va_start(more, flags);                            \
        if (flags & (O_CREAT | __O_TMPFILE))              \
            mode = va_arg(more, mode_t);                  \
        va_end(more);                                     \
        int slow = is_below(path);                        \
        if (slow && !(flags & O_DIRECTORY))               \
            wait_us(open_us);                             \
        return opened(real(path, flags, mode), slow);     \
    }
OPEN(open)
OPEN(open64)

/* A path relative to a folder that was opened below the root is below it, too. */
#define OPENAT(name)                                                                  \
    int name(int folder, const char *path, int flags, ...)                            \
    {                                                                                 \
        REAL(#name, openat_t);                                                        \
        mode_t mode = 0;                                                              \
        va_list more;                                                                 \
        va_start(more, flags);                                                        \
        if (flags & (O_CREAT | __O_TMPFILE))                                          \
            mode = va_arg(more, mode_t);                                              \
        va_end(more);                                                                 \
        int slow = is_below(path) || (path[0] != '/' && folder >= 0 &&                \
                                      folder < MAX_FILES && is_slow[folder]);         \
        if (slow && !(flags & O_DIRECTORY))                                           \
            wait_us(open_us);                                                         \
        return opened(real(folder, path, flags, mode), slow);                         \
    }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                         \
    FILE *name(const char *path, const char *mode)          \
    {                                                       \
        REAL(#name, fopen_t);                               \
        if (is_below(path))                                 \
            wait_us(open_us);                               \
        return real(path, mode);                            \
    }
FOPEN(fopen)
FOPEN(fopen64)

ssize_t read(int file, void *buffer, size_t count)
{
    REAL("read", read_t);
    before_read(file);
    return real(file, buffer, count);
}

#define PREAD(name)                                                          \
    ssize_t name(int file, void *buffer, size_t count, off64_t offset)       \
    {                                                                        \
        REAL(#name, pread_t);                                                \
        before_read(file);                                                   \
        return real(file, buffer, count, offset);                            \
    }
PREAD(pread64)
#undef pread
PREAD(pread)

#define PREADV(name)                                                                  \
    ssize_t name(int file, const struct iovec *parts, int count, off64_t offset)      \
    {                                                                                 \
        REAL(#name, preadv_t);                                                        \
        before_read(file);                                                            \
        return real(file, parts, count, offset);                                      \
    }
PREADV(preadv64)
PREADV(preadv)

int close(int file)
{
    static int (*real)(int);
    if (!real)
        real = (int (*)(int))dlsym(RTLD_NEXT, "close");
    if (file >= 0 && file < MAX_FILES)
        is_slow[file] = 0;
    return real(file);
}
