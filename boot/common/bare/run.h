/* SPDX-License-Identifier: ISC */
/* run.h - the last steps of every start: a line of what there is, entropy, the program. */
#ifndef BOOT_BARE_RUN_H
#define BOOT_BARE_RUN_H

#include "entropy.h"

/* Logs what memory there is: `ram` bytes in all. */
void run_report(const char *machine, uint64_t ram);

/* Entropy as entropy= says, constructors, main(), the end. */
_Noreturn void run_program(int argc, char **argv, const struct entropy_sources *sources);

#endif
