/* SPDX-License-Identifier: ISC */
/* shell.h - the commands of a script, as far as they are about TCP: sysctls become fields of the
 * one configuration struct, checks of a system's tables become checks of ours. */
#ifndef PKT_SHELL_H
#define PKT_SHELL_H

#include "sys.h"

struct shell {
    struct tcp_tuning *tuning;
    struct sys *sys; /* NULL before there is a stack: then nothing is checked */
    char note[200];  /* what was passed over: not empty */
    char error[200];
    bool unsupported; /* error says what: the script is not for us */
    bool *rmem_set;   /* becomes true where the receive buffer's sizes are said; NULL */
};

/* Carries out what is understood; false: a check failed, error says which. */
bool shell_run(struct shell *shell, const char *text, size_t len);
/* The dialect of a script, by the words in it. */
enum personality shell_dialect(const char *text, size_t len);
const struct tcp_tuning *shell_preset(enum personality person);

#endif
