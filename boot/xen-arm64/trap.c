/* SPDX-License-Identifier: ISC */
/* trap.c - the last words of a program that broke: the syndrome register decoded (ARM ARM,
 * ESR_EL1), registers, backtrace. */
#include <morgana/log.h>

#include "asm.h"
#include "boot/common/bare/bare.h"
#include "boot/xen-arm/arch.h"
#include "cpu.h"

/* As trap_entry.S stores it. */
struct trap_frame {
    uint64_t x[31], sp, pc, pstate;
    uint64_t vector; /* 0 .. 15: four kinds by four places that it came from */
    uint64_t unused;
};
STATIC_ASSERT(sizeof(struct trap_frame) == TRAP_FRAME_BYTES, "as trap_entry.S has it");

_Noreturn void trap_handler(const struct trap_frame *frame);

#define BACKTRACE_MAX 24
#define REGISTERS_PER_LINE 4u

#define CLASS_SHIFT 26
enum {
    INSTRUCTION_ABORT_EL0 = 0x20,
    INSTRUCTION_ABORT = 0x21,
    DATA_ABORT_EL0 = 0x24,
    DATA_ABORT = 0x25
};
#define DATA_ABORT_WRITE 0x40u
#define FAR_NOT_VALID 0x400u

static const struct {
    uint8_t class;
    const char *name;
} classes[] = {
    {0x00, "unknown instruction"},
    {0x01, "WFI or WFE"},
    {0x07, "no vector unit"},
    {0x0e, "illegal state"},
    {0x11, "SVC"},
    {0x15, "SVC"},
    {0x18, "system register"},
    {INSTRUCTION_ABORT_EL0, "instruction abort"},
    {INSTRUCTION_ABORT, "instruction abort"},
    {0x22, "PC not aligned"},
    {DATA_ABORT_EL0, "data abort"},
    {DATA_ABORT, "data abort"},
    {0x26, "stack pointer not aligned"},
    {0x2c, "floating-point exception"},
    {0x2f, "SError"},
    {0x30, "breakpoint"},
    {0x31, "breakpoint"},
    {0x3c, "BRK instruction"},
};

/* The fault's status code but for its two lowest bits, the level. */
static const char *why_of(unsigned status)
{
    static const char *const kinds[16] = {
        [0] = "address size",   [1] = "not mapped",
        [2] = "access flag",    [3] = "page without that right",
        [4] = "external abort", [5] = "external abort on a page table",
        [6] = "parity error",   [7] = "parity error on a page table",
        [8] = "not aligned",
    };
    const char *kind = kinds[status >> 2 & 15];

    return kind != NULL ? kind : "unknown reason";
}

/* ---- the last words ---- */

static unsigned traps, registers;

static void begin(const char *name, unsigned long syndrome)
{
    traps++;
    if (traps == 2) /* the last words themselves broke */
        bare_crash(NULL);
    if (traps > 2) /* so did the hypercall that ends the domain: there is no hypervisor */
        arch_stop();
    bare_emergency("\ntrap: %s, syndrome 0x%lx\n", name, syndrome);
}

enum access { READ, WRITE, EXECUTE };

static void tell_fault(uintptr_t at, enum access access, const char *why)
{
    static const char *const names[] = {
        [READ] = "read", [WRITE] = "write", [EXECUTE] = "execution"};
    const char *what = "";

    if (at < PAGE_BYTES)
        what = ": a NULL pointer";
    else if (at >= (uintptr_t)boot_stack_guard && at < (uintptr_t)boot_stack)
        what = ": the stack overflowed";
    bare_emergency("  %s of 0x%lx, %s%s\n", names[access], (unsigned long)at, why, what);
}

static void tell_register(const char *name, unsigned long value)
{
    registers++;
    bare_emergency("  %s %016lx%s", name, value, registers % REGISTERS_PER_LINE == 0 ? "\n" : "");
}

/* An address as the linker knew it, for addr2line. */
static unsigned long linked(uintptr_t at)
{
    return (unsigned long)(at - (uintptr_t)boot_image_start);
}

/* Return addresses by the chain of frame pointers, as long as it goes up inside the stack. */
static void backtrace(uintptr_t pc, uintptr_t frame)
{
    bare_emergency("backtrace (addr2line -fe %s.img.debug ...): 0x%lx", boot_program_name,
                   linked(pc));
    for (int i = 0; i < BACKTRACE_MAX; i++) {
        uintptr_t before = frame, caller;

        if (frame % sizeof(frame) != 0 || frame < (uintptr_t)boot_stack ||
            frame > (uintptr_t)boot_stack_top - 2 * sizeof(frame))
            break;
        caller = ((const uintptr_t *)frame)[1];
        frame = *(const uintptr_t *)frame;
        if (caller != 0)
            bare_emergency(" 0x%lx", linked(caller));
        if (frame <= before)
            break;
    }
    bare_emergency("\n");
}

_Noreturn void trap_handler(const struct trap_frame *f)
{
    static const char *const kinds[4] = {NULL, "interrupt", "fast interrupt", "SError"};
    uint64_t syndrome = cpu_read(esr_el1), at = cpu_read(far_el1);
    unsigned class = (unsigned)(syndrome >> CLASS_SHIFT & 0x3f);
    const char *name = kinds[f->vector & 3];
    char label[8];

    for (size_t i = 0; i < ARRAY_SIZE(classes) && name == NULL; i++) {
        if (classes[i].class == class)
            name = classes[i].name;
    }
    name = name != NULL ? name : "unknown exception";
    begin(name, syndrome);
    if ((f->vector & 3) == 0 && (syndrome & FAR_NOT_VALID) == 0) {
        if (class == INSTRUCTION_ABORT)
            tell_fault(at, EXECUTE, why_of(syndrome & 63));
        else if (class == DATA_ABORT)
            tell_fault(at, (syndrome & DATA_ABORT_WRITE) != 0 ? WRITE : READ,
                       why_of(syndrome & 63));
    }
    tell_register("pc ", f->pc);
    tell_register("sp ", f->sp);
    tell_register("psr", f->pstate);
    tell_register("far", at);
    for (unsigned i = 0; i < ARRAY_SIZE(f->x); i++) {
        fmt_buf(label, sizeof(label), i < 10 ? "x%u " : "x%u", i);
        tell_register(label, f->x[i]);
    }
    tell_register("ttb", cpu_read(ttbr0_el1));
    if (registers % REGISTERS_PER_LINE != 0)
        bare_emergency("\n");
    backtrace(f->pc, f->x[29]);
    bare_crash(name);
}
