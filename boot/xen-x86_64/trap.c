/* SPDX-License-Identifier: ISC */
/* trap.c - descriptor tables, and the last words of a program that broke. */
#include <morgana/log.h>
#include <morgana/xencons.h>

#include "boot.h"
#include "boot/common/bare/bare.h"
#include "x86.h"

#define NMI 2
#define PAGE_FAULT 14
#define BACKTRACE_MAX 24

/* As trap_entry.S pushes it. */
struct trap_frame {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss; /* the CPU's */
};

_Noreturn void trap_handler(const struct trap_frame *frame);
extern const uint8_t trap_entries[], trap_upcall[];

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

/* Intel SDM volume 3, section 6.14.1. */
struct idt_entry {
    uint16_t offset_0, selector;
    uint8_t ist, type;
    uint16_t offset_16;
    uint32_t offset_32, zero;
};

/* Section 7.7. */
struct tss {
    uint32_t reserved_0, rsp[6], reserved_1[2], ist[14], reserved_2[2];
    uint16_t reserved_3, io_map;
};
STATIC_ASSERT(sizeof(struct tss) == 104, "task state segment of long mode");

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static struct idt_entry idt[VECTORS];
static struct tss tss;
static uint64_t gdt[5] = {0, UINT64_C(0x00af9b000000ffff), UINT64_C(0x00cf93000000ffff), 0, 0};
static _Alignas(16) uint8_t trap_stack[TRAP_STACK_BYTES];

static struct idt_entry gate(const uint8_t *handler, uint8_t ist)
{
    uint64_t at = (uintptr_t)handler;

    return (struct idt_entry){
        .offset_0 = (uint16_t)at,
        .selector = SELECTOR_CODE,
        .ist = ist,
        .type = 0x8e, /* present, interrupt gate: interrupts stay off */
        .offset_16 = (uint16_t)(at >> 16),
        .offset_32 = (uint32_t)(at >> 32),
    };
}

void trap_init(void)
{
    const uint64_t stack = (uintptr_t)trap_stack + sizeof(trap_stack), at = (uintptr_t)&tss;
    struct table_pointer idt_pointer = {sizeof(idt) - 1, (uintptr_t)idt};
    struct table_pointer gdt_pointer = {sizeof(gdt) - 1, (uintptr_t)gdt};

    for (unsigned i = 0; i < 32; i++)
        idt[i] = gate(trap_entries + (size_t)16 * i, 1);
    idt[VECTOR_UPCALL] = gate(trap_upcall, 0);
    tss.ist[0] = (uint32_t)stack; /* IST1, low and high half */
    tss.ist[1] = (uint32_t)(stack >> 32);
    tss.io_map = sizeof(tss);
    /* Its descriptor has two entries; 0x89: present, 64-bit TSS. */
    gdt[3] =
        (sizeof(tss) - 1) | (at & 0xffffff) << 16 | UINT64_C(0x89) << 40 | (at >> 24 & 0xff) << 56;
    gdt[4] = at >> 32;
    __asm__ volatile("lgdt %0" : : "m"(gdt_pointer));
    __asm__ volatile("lidt %0" : : "m"(idt_pointer));
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
}

static void explain_page_fault(const struct trap_frame *f)
{
    uint64_t at = x86_cr2();
    const char *what = "";

    if (at < PVH_PAGE)
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
