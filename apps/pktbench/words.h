/* SPDX-License-Identifier: ISC */
/* words.h - pktbench's command line. */
#ifndef APPS_PKTBENCH_WORDS_H
#define APPS_PKTBENCH_WORDS_H

#include "pktbench.h"

extern const struct args_key words_keys[];

/* What is asked for. 0, or -E_INVAL, said in one line. */
int words_read(int argc, char **argv, struct load *load);

#endif
