/* SPDX-License-Identifier: ISC */
/* boot.h - what the files of this folder know of each other. Groups are the files, in the order
 * in which main.c starts them.
 *
 * The image runs in two modes. Hardware virtualization (PVH; pvh_*): the machine is ours, page
 * tables and traps are the CPU's. Paravirtualization (PV; pv_*): we run in ring 3, page tables and
 * traps are Xen's, changed by hypercalls. An entry point belongs to a mode, so nothing is guessed.
 * In both the virtual address of a page is its guest-physical one (docs/decisions, 20); what
 * differs is behind struct boot_mode.
 */
#ifndef BOOT_H
#define BOOT_H

#include <morgana/cstruct.h>
#include <morgana/err.h>
#include <morgana/xen.h>

#include "boot/common/bare/image.h"
#include "boot_info.h"
#include "x86.h"

/* ---- pvh.c, pv.c ---- */

struct boot_mode {
    /* What CPUID says to a domain of Xen's. */
    struct cpuid (*cpuid)(uint32_t leaf, uint32_t subleaf);
    /* Finds the console ring, so that whatever goes wrong next can be said. */
    void (*find_console)(uint64_t start_info, struct xen_start *out);
    /* From here on an exception comes to trap_handler(). */
    void (*set_traps)(void);
    /* Checks the start information. 0, or -E_INVAL with one sentence in *why. */
    int (*read_info)(uint64_t start_info, struct boot_info *info, const char **why);
    /* Decides what each page is for (memory.c), and maps it so. 0, or -E_ with a sentence. */
    int (*map_memory)(const struct boot_info *info, const char **why);
    /* Finds xenstore's ring, and makes it and the console's accessible in the new page tables. */
    void (*find_rings)(struct xen_start *out);
    /* Makes a frame of Xen's (xen.h, xen_map_frame) appear at `addr` of the window. */
    int (*place_frame)(unsigned space, unsigned long index, uint64_t addr);
    /* A page of memory leaves, comes back: frames_leave() and frames_come() of xenguest.h. */
    uint64_t (*page_leave)(uint64_t addr);
    int (*page_come)(uint64_t addr, uint64_t frame);
    /* Says where the upcall goes, and in shared info what else Xen's tools look for there. */
    int (*set_upcall)(void);
    /* SHUTDOWN_suspend. 0: this is a new domain, of which nothing is mapped yet; 1: cancelled, or
     * negative: all is as it was. */
    int (*suspend)(void);
    /* In the new domain, before find_rings: where the console is now. */
    void (*find_console_anew)(struct xen_start *out);
    /* Sleeps until an event is pending; at once where one is already. */
    void (*halt)(void);
};
extern const struct boot_mode pvh_mode, pv_mode;

/* ---- main.c ---- */

/* From an entry point, in long mode and on our stack, to the end of the domain. */
_Noreturn void boot_main(const struct boot_mode *mode, uint64_t start_info);
/* The one that boot_main was given. */
const struct boot_mode *boot_get_mode(void);

/* ---- hypercall.c ---- */

/* Looks for Xen and chooses the instruction. False where this is no Xen: then no hypercall may be
 * made. */
bool hypercall_detect(void);
/* A PV domain's hypercalls are SYSCALL. */
void hypercall_use_syscall(void);

/* ---- trap.c ---- */

/* Where registers and backtrace are told from: not the stack that may have failed. */
extern uint8_t trap_stack[];

/* ---- cpu.c ---- */

/* Vector state (AVX where there is). */
void cpu_init(void);
/* Are pages without the right to execute possible? */
bool cpu_has_nx(void);
/* A random number: RDSEED, else RDRAND. False: it has neither, or none just now. */
bool cpu_random(uint64_t *out);

/* ---- memory.c ---- */

/* Decides what each page is for. `taken` (n of them) are in use beside the image and the module;
 * `window`: where Xen's own frames will be. 0, or -E_ with one sentence in *why. */
int memory_plan(const struct boot_info *info, const struct range *taken, unsigned n,
                uint64_t window, const char **why);
/* The rights of the page at `addr` as bits of a page table entry, 0: not mapped; and in *until up
 * to where all pages have the same. */
uint64_t memory_rights(const struct boot_info *info, uint64_t addr, uint64_t *until);
/* Takes a page off the heap's end, or 0. */
uint64_t memory_take_page(void);
/* Addresses of no RAM, for Xen's own frames. */
uint64_t memory_window(void);
#define MEMORY_WINDOW_PAGES 512u
#define MEMORY_LARGE_PAGE (UINT64_C(2) << 20)

/* ---- frames.c ---- */

void frames_find_console(uint64_t start_info);
/* Maps all that xen.h promises. -E_: shared info is missing, without which there is no time and no
 * event. */
int frames_init(void);
/* In PV: the machine's frame of each of our pages. */
void frames_set_p2m(const uint64_t *p2m);
/* In a new domain: maps its shared info, and finds its rings. -E_: shared info is missing. Grant
 * frames stay away until xen_map_frame() is asked for each. */
int frames_resume(void);
/* Places every frame anew where it was. */
int frames_place_all(void);
/* How many pages of the window have, or had, a frame: the first ones. */
unsigned frames_placed(void);

/* ---- clock.c ---- */

/* Xen's clock: of this domain, of this machine. What hypercalls take. */
uint64_t clock_system_ns(void);
/* The same moment by Xen's clock, for one of plat_now_ns(): 0 where that was before its start. */
uint64_t clock_system_at(uint64_t now_ns);
/* Around a suspend: plat_now_ns() goes on in a new domain, whose clock is another, and the time
 * asleep is in it where the wall clocks tell. */
void clock_suspend(void);
void clock_resume(void);

/* ---- timer.c ---- */

/* Says how event channels reach us. */
int timer_init(void);
/* VIRQ_TIMER will come when the system time reaches `at_ns`. */
int timer_arm(uint64_t at_ns);
/* For a domain without event channels: sleeps until then, or a little less. */
void timer_sleep(uint64_t until_ns);

/* ---- suspend.c ---- */

/* As start.h's. */
int suspend_machine(void);

/* ---- wait.c ---- */

/* After a suspend: no timer is armed. `anew`: it has no event channel either. */
void wait_resume(bool anew);

/* ---- of boot/common/bare: see bare.h there ---- */

#endif
