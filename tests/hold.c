/* hold.c - a start that a test holds: preloaded, execve() waits while the file $BERTH_TEST_HOLD is there. Only in a process that leads its session: that is
 * a workload's, after fork and before exec, whose keeper has not said yet that it runs. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int execve(const char *path, char *const argv[], char *const env[])
{
    const char *gate = getenv("BERTH_TEST_HOLD");
    while (gate && getsid(0) == getpid() && access(gate, F_OK) == 0)
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    return (*(int (*)(const char *, char *const[], char *const[]))dlsym(RTLD_NEXT, "execve"))(path, argv, env);
}
