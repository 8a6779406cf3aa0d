/* SPDX-License-Identifier: ISC */
/* bare.h - what every bare machine under Xen does alike: the console, the end of the program, and
 * the C library's needs. */
#ifndef BOOT_BARE_H
#define BOOT_BARE_H

#include <morgana/cstruct.h>

/* ---- console.c ---- */

/* A line for when nothing can be relied on: to the console ring by raw hypercalls, and to Xen's
 * own console. */
void bare_emergency(const char *format, ...) PRINTF_LIKE(1, 2);
/* Ends the line on the console, if one has begun. */
void bare_console_end_line(void);
/* Waits, within a bound, until the console's reader has taken everything. */
void bare_console_drain(void);

/* ---- exit.c ---- */

/* The verdict on the emergency console; then the domain ends as crashed. `why`: NULL, when even
 * that is too much. */
_Noreturn void bare_crash(const char *why);
/* The program cannot start: its one line is the verdict; then the domain powers off. */
_Noreturn void bare_refuse(const char *why);

/* ---- hypercalls for files that cannot include Xen's headers beside ours: hypercall.c ---- */

int bare_memory_map(void *entries, unsigned count);
enum bare_shutdown { BARE_POWEROFF, BARE_REBOOT, BARE_CRASH };
_Noreturn void bare_shutdown(enum bare_shutdown reason);

/* ---- newlib.c ---- */

/* Memory for the C library's malloc, in pieces 0 .. BARE_HEAPS_MAX-1, which may be empty; the
 * machine supplies it. */
#define BARE_HEAPS_MAX 2u
struct cs bare_heap(unsigned i);
/* Writes what stdio has buffered. Linked only where the program uses stdio: a weak reference
 * elsewhere. */
__attribute__((weak)) void bare_stdio_flush(void);

#endif
