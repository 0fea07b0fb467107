/* files.c - see files.h */
#include "run/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "base/file.h"

enum { NEEDS = 64, FOR_LOOK = 4, FOR_START = 20, OF_INSTANCE = 2 };

static struct rlimit raised, before;

int bt_files_raise(struct bt_err *err)
{
    if (getrlimit(RLIMIT_NOFILE, &before) < 0)
        return bt_err_set(err, BT_E_FAILED, errno, "read the limit of open files");
    raised = (struct rlimit){ before.rlim_max, before.rlim_max };
    if (raised.rlim_cur < NEEDS) {
        bt_err_set(err, BT_E_FAILED, 0, "at most %llu files may be open at once, and the daemon needs %d", (unsigned long long)raised.rlim_cur, NEEDS);
        return bt_err_hint(err, "raise the hard limit: `ulimit -Hn` in the shell that started this one, LimitNOFILE= of a unit");
    }
    if (setrlimit(RLIMIT_NOFILE, &raised) < 0)
        raised = before;             /* a hard limit above what the kernel gives now (fs.nr_open was lowered): the soft one does */
    return 0;
}

void bt_files_lower(bool lower)
{
    setrlimit(RLIMIT_NOFILE, lower ? &before : &raised);     /* the soft one alone, below a hard one that is ours: nobody refuses that */
}

static size_t n_left(void)
{
    struct rlimit r;
    size_t used = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir || getrlimit(RLIMIT_NOFILE, &r) < 0)
        r.rlim_cur = 0;
    while (dir && readdir(dir))
        used++;                      /* with . and .. and that of the folder itself: 3 too many */
    if (dir)
        closedir(dir);
    return r.rlim_cur > used ? (size_t)(r.rlim_cur - used) : 0;
}

bool bt_files_for_look(void)
{
    int fd[FOR_LOOK];
    bool all = true;
    for (size_t i = 0; i < FOR_LOOK; i++)
        all &= (fd[i] = open("/", O_PATH | O_CLOEXEC)) >= 0;
    for (size_t i = 0; i < FOR_LOOK; i++)
        if (fd[i] >= 0)
            close(fd[i]);
    return all;
}

int bt_files_for(size_t instances, size_t ports, struct bt_err *err)
{
    size_t left = n_left(), needs = FOR_START + OF_INSTANCE * instances + ports;
    if (left >= needs)
        return 0;
    bt_err_set(err, BT_E_FAILED, EMFILE, "the daemon may open %zu more files, and looking after %zu instance%s takes up to %zu", left, instances,
               instances == 1 ? "" : "s", needs);
    return bt_err_hint(err, "fewer at once, or a higher hard limit: `ulimit -Hn`, then `berth down` and `up` of all that is up");
}
