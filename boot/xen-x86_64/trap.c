/* SPDX-License-Identifier: ISC */
/* trap.c - the last words of a program that broke. */
#include <morgana/log.h>
#include <morgana/xencons.h>

#include "boot.h"
#include "boot/common/bare/bare.h"
#include "x86.h"

#define NMI 2
#define PAGE_FAULT 14
#define BACKTRACE_MAX 24

/* As pvh_trap_entry.S pushes it. */
struct trap_frame {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss; /* the CPU's */
};

_Noreturn void trap_handler(const struct trap_frame *frame);

static const char *const names[32] = {
    [0] = "divide error",
    [1] = "debug exception",
    [2] = "non-maskable interrupt",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound range exceeded",
    [6] = "invalid instruction",
    [7] = "no coprocessor",
    [8] = "double fault",
    [10] = "invalid task state segment",
    [11] = "segment not present",
    [12] = "stack fault",
    [13] = "general protection fault",
    [14] = "page fault",
    [16] = "floating-point error",
    [17] = "alignment check",
    [18] = "machine check",
    [19] = "SIMD floating-point error",
    [20] = "virtualization exception",
    [21] = "control protection fault",
};

_Alignas(16) uint8_t trap_stack[TRAP_STACK_BYTES];

static void explain_page_fault(const struct trap_frame *f)
{
    uint64_t at = x86_cr2();
    const char *what = "";

    if (at < PAGE_BYTES)
        what = ": a NULL pointer";
    else if (at >= (uintptr_t)boot_stack_guard && at < (uintptr_t)boot_stack)
        what = ": the stack overflowed";
    bare_emergency("  %s of 0x%016lx, page %s%s\n",
                   (f->error & 16) != 0  ? "execution"
                   : (f->error & 2) != 0 ? "write"
                                         : "read",
                   (unsigned long)at, (f->error & 1) != 0 ? "without that right" : "not mapped",
                   what);
}

/* Return addresses by the chain of frame pointers, as long as it goes up inside the stack. */
static void backtrace(uint64_t rip, uint64_t rbp)
{
    bare_emergency("backtrace (addr2line -fe %s.elf.debug ...): 0x%lx", boot_program_name,
                   (unsigned long)rip);
    for (int i = 0; i < BACKTRACE_MAX; i++) {
        const uint64_t *frame = (const uint64_t *)(uintptr_t)rbp;

        if (rbp % 8 != 0 || rbp < (uintptr_t)boot_stack || rbp > (uintptr_t)boot_stack_top - 16)
            break;
        bare_emergency(" 0x%lx", (unsigned long)frame[1]);
        if (frame[0] <= rbp)
            break;
        rbp = frame[0];
    }
    bare_emergency("\n");
}

_Noreturn void trap_handler(const struct trap_frame *f)
{
    static bool again;
    const char *name =
        f->vector < 32 && names[f->vector] != NULL ? names[f->vector] : "unknown exception";

    if (again) /* the last words themselves broke */
        bare_crash(NULL);
    again = true;
    bare_emergency("\ntrap %lu: %s, error code 0x%lx\n", (unsigned long)f->vector, name,
                   (unsigned long)f->error);
    if (f->vector == PAGE_FAULT)
        explain_page_fault(f);
    const struct {
        const char *name;
        uint64_t value;
    } registers[] = {
        {"rip", f->rip},    {"rsp", f->rsp},    {"rbp", f->rbp},    {"flg", f->rflags},
        {"rax", f->rax},    {"rbx", f->rbx},    {"rcx", f->rcx},    {"rdx", f->rdx},
        {"rsi", f->rsi},    {"rdi", f->rdi},    {"r8 ", f->r8},     {"r9 ", f->r9},
        {"r10", f->r10},    {"r11", f->r11},    {"r12", f->r12},    {"r13", f->r13},
        {"r14", f->r14},    {"r15", f->r15},    {"cr0", x86_cr0()}, {"cr2", x86_cr2()},
        {"cr3", x86_cr3()}, {"cr4", x86_cr4()},
    };
    for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
        bare_emergency("  %s %016lx%s", registers[i].name, (unsigned long)registers[i].value,
                       i % 4 == 3 || i + 1 == ARRAY_SIZE(registers) ? "\n" : "");
    backtrace(f->rip, f->rbp);
    bare_crash(name);
}
