/* SPDX-License-Identifier: ISC */
/* trap.c - the last words of a program that broke. */
#include <morgana/log.h>

#include "armv7.h"
#include "boot/common/bare/bare.h"

#define VECTOR_PREFETCH_ABORT 3u
#define VECTOR_DATA_ABORT 4u
#define DFSR_WRITE (1u << 11)
#define BACKTRACE_MAX 24

/* As vectors.S makes it. */
struct armv7_trap_frame {
    uint32_t r[13], sp, lr, pc, cpsr, vector;
};
STATIC_ASSERT(offsetof(struct armv7_trap_frame, sp) == ARMV7_FRAME_SP, "vectors.S");
STATIC_ASSERT(offsetof(struct armv7_trap_frame, lr) == ARMV7_FRAME_LR, "vectors.S");
STATIC_ASSERT(offsetof(struct armv7_trap_frame, pc) == ARMV7_FRAME_PC, "vectors.S");
STATIC_ASSERT(offsetof(struct armv7_trap_frame, cpsr) == ARMV7_FRAME_CPSR, "vectors.S");
STATIC_ASSERT(offsetof(struct armv7_trap_frame, vector) == ARMV7_FRAME_VECTOR, "vectors.S");
STATIC_ASSERT(sizeof(struct armv7_trap_frame) == ARMV7_FRAME_BYTES, "vectors.S");

_Noreturn void armv7_trap(const struct armv7_trap_frame *frame);

static const char *const names[8] = {
    "reset",      "undefined instruction", "supervisor call", "prefetch abort",
    "data abort", "hypervisor call",       "interrupt",       "fast interrupt",
};

/* Fault status of the short-descriptor format (ARM DDI 0406, table B3-23). */
static const char *const faults[32] = {
    [0x01] = "alignment",
    [0x02] = "debug event",
    [0x03] = "access flag, section",
    [0x04] = "instruction cache upkeep",
    [0x05] = "not mapped",
    [0x06] = "access flag, page",
    [0x07] = "not mapped",
    [0x08] = "external abort",
    [0x09] = "domain, section",
    [0x0b] = "domain, page",
    [0x0c] = "external abort on a table walk",
    [0x0d] = "without that right",
    [0x0e] = "external abort on a table walk",
    [0x0f] = "without that right",
    [0x16] = "asynchronous external abort",
    [0x18] = "asynchronous parity error",
    [0x19] = "parity error",
    [0x1c] = "parity error on a table walk",
    [0x1e] = "parity error on a table walk",
};

static void explain_abort(const char *access, uint32_t status, uint32_t at)
{
    const char *fault = faults[(status & 15) | (status >> 6 & 16)], *what = "";

    if (at < PAGE_BYTES)
        what = ": a NULL pointer";
    else if (at >= (uint32_t)boot_stack_guard && at < (uint32_t)boot_stack)
        what = ": the stack overflowed";
    bare_emergency("  %s of 0x%08lx, page %s%s\n", access, (unsigned long)at,
                   fault != NULL ? fault : "in trouble", what);
}

static bool is_stack(uint32_t at)
{
    return at % 4 == 0 && at >= (uint32_t)boot_stack + 4 && at < (uint32_t)boot_stack_top;
}

static bool is_text(uint32_t at)
{
    return at >= (uint32_t)boot_image_start && at < (uint32_t)boot_rodata_start;
}

/* Return addresses by the chain of frame pointers, as long as it goes up inside the stack. r11
 * points at the return address, with the caller's r11 below it; in a function that calls nothing
 * it points at the caller's r11, and the return address is still in lr. */
static void backtrace(const struct armv7_trap_frame *f)
{
    uint32_t fp = f->r[11];

    bare_emergency("backtrace (addr2line -fe %s.elf.debug ...): 0x%lx", boot_program_name,
                   (unsigned long)f->pc);
    if (!is_text(f->pc)) /* a jump to nowhere: who called may be known */
        bare_emergency(" 0x%lx", (unsigned long)f->lr);
    for (int i = 0; i < BACKTRACE_MAX && is_stack(fp); i++) {
        const uint32_t *frame = (const uint32_t *)fp;
        bool leaf = i == 0 && !is_text(frame[0]);
        uint32_t caller = leaf ? frame[0] : frame[-1];

        bare_emergency(" 0x%lx", (unsigned long)(leaf ? f->lr : frame[0]));
        if (caller <= fp)
            break;
        fp = caller;
    }
    bare_emergency("\n");
}

_Noreturn void armv7_trap(const struct armv7_trap_frame *f)
{
    static bool again;
    const uint32_t dfsr = ARMV7_CP15_READ(0, c5, c0, 0), ifsr = ARMV7_CP15_READ(0, c5, c0, 1);
    const uint32_t dfar = ARMV7_CP15_READ(0, c6, c0, 0), ifar = ARMV7_CP15_READ(0, c6, c0, 2);
    const char *name = names[f->vector & 7];

    if (again) /* the last words themselves broke */
        bare_crash(NULL);
    again = true;
    bare_emergency("\ntrap %lu: %s\n", (unsigned long)f->vector, name);
    if (f->vector == VECTOR_DATA_ABORT)
        explain_abort((dfsr & DFSR_WRITE) != 0 ? "write" : "read", dfsr, dfar);
    else if (f->vector == VECTOR_PREFETCH_ABORT)
        explain_abort("execution", ifsr, ifar);
    const struct {
        const char *name;
        uint32_t value;
    } registers[] = {
        {"pc  ", f->pc},    {"lr  ", f->lr},   {"sp  ", f->sp},    {"cpsr", f->cpsr},
        {"r0  ", f->r[0]},  {"r1  ", f->r[1]}, {"r2  ", f->r[2]},  {"r3  ", f->r[3]},
        {"r4  ", f->r[4]},  {"r5  ", f->r[5]}, {"r6  ", f->r[6]},  {"r7  ", f->r[7]},
        {"r8  ", f->r[8]},  {"r9  ", f->r[9]}, {"r10 ", f->r[10]}, {"r11 ", f->r[11]},
        {"r12 ", f->r[12]}, {"dfsr", dfsr},    {"dfar", dfar},     {"ifsr", ifsr},
        {"ifar", ifar},
    };
    for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
        bare_emergency("  %s %08lx%s", registers[i].name, (unsigned long)registers[i].value,
                       i % 4 == 3 || i + 1 == ARRAY_SIZE(registers) ? "\n" : "");
    backtrace(f);
    bare_crash(name);
}
