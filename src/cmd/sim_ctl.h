/* sim_ctl.h - `berth sim ctl`, the second half of the verb sim. argv[0] is the first argument after "ctl"; returns an exit code. */
#ifndef BT_CMD_SIM_CTL_H
#define BT_CMD_SIM_CTL_H
int bt_sim_ctl(int argc, char **argv);
#endif
