/* SPDX-License-Identifier: ISC */
/* boot.h - what the files of this folder know of each other. Groups are the files, in the order
 * in which main.c starts them. */
#ifndef BOOT_H
#define BOOT_H

#include <morgana/cstruct.h>
#include <morgana/err.h>

#include "pvh_info.h"

/* ---- main.c ---- */

/* entry.S comes here. */
_Noreturn void boot_main(uint32_t start_info);

/* The linker script's. */
extern const uint8_t boot_image_start[], boot_rodata_start[], boot_data_start[], boot_image_end[];
extern void (*const boot_init_array_start[])(void);
extern void (*const boot_init_array_end[])(void);
extern uint8_t boot_stack_guard[], boot_stack[], boot_stack_top[];

/* Of every program: tools made a file with it (mk/target-xen-x86_64.mk). */
extern const char boot_program_name[];

int main(int argc, char **argv);

/* ---- hypercall.c ---- */

/* Looks for Xen and chooses the instruction. False where this is no Xen: then no hypercall may be
 * made. */
bool hypercall_detect(void);

/* ---- frames.c ---- */

/* Finds the console ring, so that whatever goes wrong next can be said. Needs hypercalls only. */
void frames_find_console(void);
/* Maps all that xen.h promises. Needs memory_init. -E_: shared info is missing, without which
 * there is no time and no event. */
int frames_init(void);

/* ---- trap.c ---- */

/* Descriptor tables; from here on an exception prints what happened and ends the domain as
 * crashed. */
void trap_init(void);

/* ---- cpu.c ---- */

/* Vector state (AVX where there is), execute-disable. */
void cpu_init(void);
/* Are pages without the right to execute possible? */
bool cpu_has_nx(void);

/* ---- memory.c ---- */

/* Decides what each page is for and builds the page tables. 0, or -E_NOMEM with one sentence in
 * *why. */
int memory_init(const struct pvh_info *info, const char **why);
/* Maps the page at guest-physical `addr`, outside RAM, readable and writable. NULL: no page for a
 * page table. */
void *memory_map_page(uint64_t addr);
/* Guest-physical addresses that are no RAM and that nothing uses, for Xen's own frames. */
uint64_t memory_window(void);
#define MEMORY_WINDOW_PAGES 512u

/* ---- clock.c ---- */

uint64_t clock_system_ns(void);

/* ---- timer.c ---- */

/* Says how event channels reach us: by VECTOR_UPCALL. */
int timer_init(void);
/* VIRQ_TIMER will come when the system time reaches `at_ns`. */
int timer_arm(uint64_t at_ns);
/* For a domain without event channels: sleeps until then, or a little less. */
void timer_sleep(uint64_t until_ns);

/* ---- wait.c ---- */

/* In trap_entry.S: halts with interrupts on, and comes back with them off. */
void wait_halt(void);

/* ---- entropy.c ---- */

/* Finds a source, or says loudly that there is none. `weak`: the operator allows a weak one. */
void entropy_init(bool weak);

/* ---- of boot/common/bare: see bare.h there ---- */

#endif
