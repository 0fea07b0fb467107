/* main.c - the table of verbs, and nothing else. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"

static const struct bt_verb *const verbs[] = {
    &bt_verb_estimate,
    &bt_verb_check,
    &bt_verb_diagnose,
    &bt_verb_gpus,
    &bt_verb_pace,
    &bt_verb_plan,
    &bt_verb_explain,
    &bt_verb_diff,
    &bt_verb_export,
    &bt_verb_up,
    &bt_verb_down,
    &bt_verb_ps,
    &bt_verb_logs,
    &bt_verb_restart,
    &bt_verb_phase,
    &bt_verb_park,
    &bt_verb_resume,
    &bt_verb_events,
    &bt_verb_verify,
    &bt_verb_doctor,
    &bt_verb_run,
    &bt_verb_config,
    &bt_verb_sim,
    &bt_verb_daemon,
    &bt_verb_keeper,
    &bt_verb_probe,
};

static void usage(FILE *f)
{
    fputs("berth fits LLM servers, and the GPU work that runs beside them, onto the GPUs you have; starts them;\n"
          "and keeps them from colliding.\n\nusage: berth VERB [options]      berth VERB --help\n\n", f);
    for (size_t i = 0; i < BT_LEN(verbs); i++)
        if (verbs[i]->summary)
            fprintf(f, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\nexit codes: 0 ok, 1 failed, 2 usage or spec, 3 does not fit, 4 drift, 5 unhealthy, 75 try again\n", f);
}

/* A closed stdin, stdout or stderr would be the next file or socket opened, and our words would go there. */
static void fill_stdio(void)
{
    int fd;
    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO) {
    }
    if (fd > STDERR_FILENO)
        close(fd);
}

int main(int argc, char **argv)
{
    fill_stdio();
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);        /* a reader that left is an error of the write, not our death */
    signal(SIGXFSZ, SIG_IGN);        /* and so is a file that may not grow (ulimit -f) */
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "help") && argc == 3) {         /* `berth help plan` is `berth plan --help` */
        static char help[] = "--help";
        argv[1] = argv[2];
        argv[2] = help;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        usage(stdout);
        return bt_cmd_end(0);
    }
    if (!strcmp(argv[1], "--version")) {
        puts("berth " BERTH_VERSION);
        return bt_cmd_end(0);
    }
    const char *names[BT_LEN(verbs)];
    for (size_t i = 0; i < BT_LEN(verbs); i++) {
        names[i] = verbs[i]->name;
        if (!strcmp(argv[1], verbs[i]->name))
            return bt_cmd_end(verbs[i]->run(verbs[i], argc - 2, argv + 2));
    }
    const char *near = bt_str_nearest(bt_str(argv[1]), names, BT_LEN(names));
    fprintf(stderr, "berth: no verb \"%s\"\n", argv[1]);
    fprintf(stderr, near ? "  try: berth %s\n" : "  try: berth --help\n", near);
    return 2;
}
