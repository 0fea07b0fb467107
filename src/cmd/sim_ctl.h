/* sim_ctl.h - the rest of the verb sim: `berth sim ctl`, and the machine by hand. */
#ifndef BT_CMD_SIM_CTL_H
#define BT_CMD_SIM_CTL_H
#include "base/arena.h"

/* argv[0] is the first argument after "ctl"; returns an exit code. */
int bt_sim_ctl(int argc, char **argv);

/* Somebody sits before it: a terminal to read from and to write to. */
bool bt_sim_by_hand(void);
/* The user's shell as a command, when none was given. */
char **bt_sim_login_shell(struct bt_arena *a);
/* A folder with the simulated engines by the real ones' names, made in dir; NULL when the engine is not there. bin, lib: where berth and
 * the simulated driver lie. */
const char *bt_sim_engines(struct bt_arena *a, const char *dir, const char *bin, const char *lib);
/* argv with a prompt that says where one is, when it is a bare shell and somebody sits before it; else argv itself. May set PS1. */
char **bt_sim_shell_argv(struct bt_arena *a, char **argv, const char *dir, const char *fleet);
/* What to type first. After the environment is set. */
void bt_sim_welcome(struct bt_arena *a, const char *engines_dir);
#endif
