/* SPDX-License-Identifier: ISC */
/* bare.h - what every bare machine does alike: the end of the program and the C library's needs;
 * and what the machine supplies for it (under Xen: boot/common/xenguest). */
#ifndef BOOT_BARE_H
#define BOOT_BARE_H

#include <morgana/cstruct.h>

/* ---- exit.c ---- */

/* The verdict on the emergency console; then the domain ends as crashed. `why`: NULL, when even
 * that is too much. */
_Noreturn void bare_crash(const char *why);
/* The program cannot start: its one line is the verdict; then the domain powers off. */
_Noreturn void bare_refuse(const char *why);

/* ---- newlib.c ---- */

/* Writes what stdio has buffered. Linked only where the program uses stdio: a weak reference
 * elsewhere. */
__attribute__((weak)) void bare_stdio_flush(void);

/* Bytes of heap i that malloc has asked for, from its beginning. Linked only where the program uses
 * malloc: a weak reference elsewhere. */
__attribute__((weak)) size_t bare_heap_used(unsigned i);

/* ---- the machine supplies ---- */

/* A line for when nothing can be relied on: no interrupt, no ring, no heap. */
void bare_emergency(const char *format, ...) PRINTF_LIKE(1, 2);
/* Is there a console that can be read? */
bool bare_console_exists(void);
/* Ends the line on the console, if one has begun. */
void bare_console_end_line(void);
/* Waits, within a bound, until the console's reader has taken everything. */
void bare_console_drain(void);
/* The end of the machine. */
enum bare_shutdown { BARE_POWEROFF, BARE_REBOOT, BARE_CRASH };
_Noreturn void bare_shutdown(enum bare_shutdown reason);
/* Memory for the C library's malloc, in pieces 0 .. BARE_HEAPS_MAX-1, which may be empty. */
#define BARE_HEAPS_MAX 2u
struct cs bare_heap(unsigned i);
/* Moves its end: `len` is of whole pages, not below what is used; nothing else begins between the
 * old end and the new one. */
void bare_heap_resize(unsigned i, size_t len);

#endif
