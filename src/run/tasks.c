/* tasks.c - the queue of a job's tasks and its record. */
#include "run/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "run/project.h"

enum { RECORD_MAX = 256 * 1024 * 1024, DIGEST_HEX = 32 };

/* ---- what a task is ---- */

/* The last key of the matrix runs fastest, shards faster still. */
static size_t value_at(const struct bt_pf_instance *pf, size_t task, size_t key)
{
    task /= (size_t)pf->shards;
    for (size_t i = pf->nmatrix; i-- > key + 1;)
        task /= pf->matrix[i].values.n;
    return task % pf->matrix[key].values.n;
}

const char *bt_task_value(struct bt_arena *a, const struct bt_task_queue *q, size_t task, struct bt_str key)
{
    if (bt_str_eq(key, "shard"))
        return bt_arena_printf(a, "%zu", task % (size_t)q->pf->shards);
    if (bt_str_eq(key, "shards"))
        return bt_arena_printf(a, "%llu", (unsigned long long)q->pf->shards);
    for (size_t i = 0; i < q->pf->nmatrix; i++)
        if (bt_str_eq(key, q->pf->matrix[i].key))
            return q->pf->matrix[i].values.v[value_at(q->pf, task, i)];
    return NULL;
}

const char *bt_task_name(struct bt_arena *a, const struct bt_task_queue *q, size_t task)
{
    bt_auto_buf struct bt_buf b = BT_BUF(64 * KiB);
    for (size_t i = 0; i < q->pf->nmatrix; i++)
        bt_buf_printf(&b, "%s%s=%s", i ? " " : "", q->pf->matrix[i].key, q->pf->matrix[i].values.v[value_at(q->pf, task, i)]);
    if (q->pf->shards > 1)
        bt_buf_printf(&b, "%sshard=%zu/%llu", b.n ? " " : "", task % (size_t)q->pf->shards, (unsigned long long)q->pf->shards);
    return bt_arena_strdup(a, bt_buf_z(&b));
}

static void add_filled(struct bt_hash *h, const struct bt_task_queue *q, size_t task, const char *text)
{
    bt_auto_arena a = { 0 };
    for (const char *p = text; *p;) {
        const char *close = bt_str_starts(bt_str(p), "{job.") ? strchr(p, '}') : NULL;
        const char *v = close ? bt_task_value(&a, q, task, (struct bt_str){ p + 5, (size_t)(close - p - 5) }) : NULL;
        bt_hash_add(h, v ? v : p, v ? strlen(v) : 1);
        p = v ? close + 1 : p + 1;
    }
    bt_hash_add(h, "", 1);
}

static void digest(const struct bt_task_queue *q, size_t task, char out[static DIGEST_HEX + 1])
{
    struct bt_hash h;
    struct bt_digest d;
    bt_hash_init(&h);
    add_filled(&h, q, task, q->name);
    add_filled(&h, q, task, q->pf->cwd);
    for (size_t i = 0; i < q->pf->argv.n; i++)
        add_filled(&h, q, task, q->pf->argv.v[i]);
    for (size_t i = 0; i < q->pf->nenv; i++)
        if (strstr(q->pf->env[i].value, "{job."))
            add_filled(&h, q, task, q->pf->env[i].value);
    bt_hash_end(&h, &d);
    snprintf(out, DIGEST_HEX + 1, "%s", d.hex);
}

/* ---- the record ---- */

static const char *record(struct bt_arena *a, const struct bt_project *p)
{
    return bt_arena_printf(a, "%s/done", bt_run_state_dir(a, p->plan->tasks_of));
}

static int by_text(const void *x, const void *y)
{
    return memcmp(x, y, DIGEST_HEX);
}

/* The digests at the heads of its lines, sorted; a line that was cut by a crash counts for nothing. */
static int read_record(struct bt_arena *a, const struct bt_project *p, char (**out)[DIGEST_HEX], size_t *n, struct bt_err *err)
{
    struct bt_str text, line;
    *n = 0;
    const char *path = record(a, p);
    if (!bt_file_exists(path))
        return 0;
    if (bt_file_read(a, path, RECORD_MAX, &text, err) < 0)
        return bt_err_hint(err, "it says which tasks are done; `berth up --again` does all of them anew");
    size_t max = 0;
    for (size_t i = 0; i < text.n; i++)
        max += text.p[i] == '\n';
    *out = bt_arena_array(a, max ? max : 1, sizeof **out);
    for (const char *at = text.p, *end = text.p + text.n, *nl; at < end && (nl = memchr(at, '\n', (size_t)(end - at))); at = nl + 1) {
        line = (struct bt_str){ at, (size_t)(nl - at) };
        if (line.n > DIGEST_HEX && line.p[DIGEST_HEX] == ' ')
            memcpy((*out)[(*n)++], line.p, DIGEST_HEX);
    }
    qsort(*out, *n, sizeof **out, by_text);
    return 0;
}

/* A line that was cut by a crash is ended first: else the next one would be lost with it. */
static bool add_line(int fd, struct bt_arena *a, const char *line)
{
    struct stat st;
    char last = '\n';
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        errno = errno ? errno : EINVAL;
        return false;
    }
    if (st.st_size && pread(fd, &last, 1, st.st_size - 1) != 1)
        return false;
    const char *text = last == '\n' ? line : bt_arena_printf(a, "\n%s", line);
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fdatasync(fd) == 0;
}

static void write_done(const struct bt_instance *in)
{
    bt_auto_arena a = { 0 };
    char hex[DIGEST_HEX + 1];
    struct bt_err err = { 0 };
    digest(in->queue, (size_t)in->task, hex);
    const char *line = bt_arena_printf(&a, "%s %s %s\n", hex, in->queue->name, bt_task_name(&a, in->queue, (size_t)in->task)), *path = record(&a, in->p);
    bt_auto_fd fd = -1;
    if (bt_dir_private(bt_run_state_dir(&a, in->p->plan->tasks_of), &err) == 0)
        fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    errno = fd < 0 ? errno : 0;
    if (fd < 0 || !add_line(fd, &a, line)) {
        int e = errno;
        bt_warn("inst", "%s/%s: %s: %s: a later `up` will do this task again", in->p->name, in->pf->id, path, strerror(e));
        bt_report_event(in->p, json_pack("{s:s, s:s}", "event", "note", "text", "the record of tasks done cannot be written: a later `up` will do them again"));
    }
}

/* ---- queues ---- */

static size_t count(const struct bt_pf_instance *pf)
{
    size_t n = (size_t)pf->shards;
    for (size_t i = 0; i < pf->nmatrix; i++)
        n *= pf->matrix[i].values.n; /* bounded when the plan was read */
    return n;
}

static struct bt_task_queue *find(struct bt_project *p, const char *name)
{
    for (size_t i = 0; i < p->nqueues; i++)
        if (!strcmp(p->queue[i]->name, name))
            return p->queue[i];
    return NULL;
}

static void join_queue(struct bt_instance *in)
{
    struct bt_project *p = in->p;
    const char *name = in->pf->has_tasks ? in->pf->workload : in->pf->id;
    in->task = -1;
    if (!in->life.job || (!in->pf->has_tasks && p->plan->nphases == 1))
        return;
    in->queue = find(p, name);
    if (in->queue)
        return;
    struct bt_task_queue *q = BT_NEW(&p->arena, struct bt_task_queue);
    *q = (struct bt_task_queue){ .name = name, .pf = in->pf, .n = count(in->pf) };
    q->state = BT_NEWN(&p->arena, unsigned char, q->n);
    BT_PUSH(&p->arena, p->queue, p->nqueues, q);
    in->queue = q;
}

int bt_tasks_make(struct bt_project *p, bool again, struct bt_err *err)
{
    bt_auto_arena a = { 0 };
    char (*known)[DIGEST_HEX] = NULL;
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        join_queue(&p->inst[i]);
    if (again && p->plan->one_job)
        return 0;
    if (again && unlink(record(&a, p)) < 0 && errno != ENOENT && errno != ENOTDIR) {
        bt_err_set(err, BT_E_IO, errno, "forget which tasks are done: remove %s", record(&a, p));
        return bt_err_hint(err, "the state folder has to be writable: `berth doctor`, or BERTH_STATE_DIR=DIR for another one");
    }
    if (!p->nqueues || read_record(&a, p, &known, &n, err) < 0)
        return p->nqueues ? -1 : 0;
    for (size_t i = 0; i < p->nqueues && n; i++)
        for (size_t t = 0; t < p->queue[i]->n; t++) {
            char hex[DIGEST_HEX + 1];
            digest(p->queue[i], t, hex);
            if (!bsearch(hex, known, n, sizeof *known, by_text))
                continue;
            p->queue[i]->state[t] = BT_TASK_DONE;
            p->queue[i]->done++;
        }
    return 0;
}

bool bt_tasks_all_done(const struct bt_task_queue *q)
{
    return q->done == q->n;
}

static void set(struct bt_task_queue *q, size_t t, enum bt_task_state to)
{
    size_t *const counts[] = { [BT_TASK_RUNNING] = &q->running, [BT_TASK_DONE] = &q->done, [BT_TASK_FAILED] = &q->failed };
    if (q->state[t] != BT_TASK_TODO)
        --*counts[q->state[t]];
    if (to != BT_TASK_TODO)
        ++*counts[to];
    else
        q->first = BT_MIN(q->first, t);
    q->state[t] = (unsigned char)to;
}

bool bt_task_take(struct bt_instance *in)
{
    struct bt_task_queue *q = in->queue;
    if (in->task >= 0) {
        set(q, (size_t)in->task, BT_TASK_RUNNING);
        return true;
    }
    if (q->failed || q->done + q->running == q->n)
        return false;
    while (q->state[q->first] != BT_TASK_TODO)       /* there is one: the counts say so */
        q->first++;
    set(q, q->first, BT_TASK_RUNNING);
    in->task = (int64_t)q->first;
    return true;
}

bool bt_task_over(struct bt_instance *in, bool clean, bool stopped, bool tries_left)
{
    struct bt_task_queue *q = in->queue;
    if (in->task < 0)
        return false;
    size_t t = (size_t)in->task;
    if (clean && !stopped) {
        if (q->state[t] != BT_TASK_DONE)             /* else the last daemon noted it, and died */
            write_done(in);
        set(q, t, BT_TASK_DONE);
        in->task = -1;
        return !q->failed && q->done + q->running < q->n;
    }
    set(q, t, stopped || tries_left ? BT_TASK_TODO : BT_TASK_FAILED);
    if (stopped)
        in->task = -1;
    else if (tries_left)
        set(q, t, BT_TASK_RUNNING);  /* it stays this slot's */
    return false;
}
