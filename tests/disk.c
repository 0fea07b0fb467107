/* disk.c - a disk that a test fills: preloaded, no regular file under a folder named in $BERTH_TEST_DISK_OF ("DIR:DIR") grows while the file
 * $BERTH_TEST_DISK is there. What a file has already is its own, as on a real disk: writes within it, and cutting it, still succeed. */
#undef _FILE_OFFSET_BITS              /* or pwrite() would be pwrite64() here, and defined twice */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) (*(__typeof__(&name))dlsym(RTLD_NEXT, #name))

static bool full(void)
{
    const char *gate = getenv("BERTH_TEST_DISK");
    return gate && access(gate, F_OK) == 0;
}

static bool on_it(int fd)
{
    char link[64], path[PATH_MAX] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0)
        return false;
    const char *dir = getenv("BERTH_TEST_DISK_OF");
    for (size_t n; dir && *dir; dir += n + (dir[n] == ':')) {
        n = strcspn(dir, ":");
        if (n && !strncmp(path, dir, n) && path[n] == '/')
            return true;
    }
    return false;
}

/* A write that would end at `end` (append: `more` bytes after what is there) has no room. */
static bool no_room(int fd, bool append, off_t end, off_t more)
{
    int e = errno;
    struct stat st;
    bool no = full() && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && on_it(fd) && (append ? st.st_size + more : end) > st.st_size;
    errno = no ? ENOSPC : e;
    return no;
}

ssize_t write(int fd, const void *p, size_t n)
{
    int e = errno;
    off_t at = n ? lseek(fd, 0, SEEK_CUR) : 0;
    bool append = at >= 0 && (fcntl(fd, F_GETFL) & O_APPEND);
    errno = e;                       /* a pipe has no place */
    return n && at >= 0 && no_room(fd, append, at + (off_t)n, (off_t)n) ? -1 : REAL(write)(fd, p, n);
}

ssize_t writev(int fd, const struct iovec *v, int n) { return no_room(fd, true, 0, 1) ? -1 : REAL(writev)(fd, v, n); }
ssize_t pwrite(int fd, const void *p, size_t n, off_t at) { return no_room(fd, false, at + (off_t)n, 0) ? -1 : REAL(pwrite)(fd, p, n, at); }
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) { return no_room(fd, false, at + (off_t)n, 0) ? -1 : REAL(pwrite64)(fd, p, n, at); }
int ftruncate(int fd, off_t n) { return no_room(fd, false, n, 0) ? -1 : REAL(ftruncate)(fd, n); }
int ftruncate64(int fd, off_t n) { return no_room(fd, false, n, 0) ? -1 : REAL(ftruncate64)(fd, n); }
int fallocate(int fd, int mode, off_t at, off_t n) { return no_room(fd, false, at + n, 0) ? -1 : REAL(fallocate)(fd, mode, at, n); }
int fallocate64(int fd, int mode, off_t at, off_t n) { return no_room(fd, false, at + n, 0) ? -1 : REAL(fallocate64)(fd, mode, at, n); }
int posix_fallocate(int fd, off_t at, off_t n) { return no_room(fd, false, at + n, 0) ? ENOSPC : REAL(posix_fallocate)(fd, at, n); }
int posix_fallocate64(int fd, off_t at, off_t n) { return no_room(fd, false, at + n, 0) ? ENOSPC : REAL(posix_fallocate64)(fd, at, n); }
