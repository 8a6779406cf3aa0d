/* SPDX-License-Identifier: ISC */
/* pvh_trap.c - descriptor tables, where they are the CPU's. */
#include "asm.h"
#include "boot.h"
#include "pvh.h"

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

void pvh_set_traps(void)
{
    const uint64_t stack = (uintptr_t)trap_stack + TRAP_STACK_BYTES, at = (uintptr_t)&tss;
    struct table_pointer idt_pointer = {sizeof(idt) - 1, (uintptr_t)idt};
    struct table_pointer gdt_pointer = {sizeof(gdt) - 1, (uintptr_t)gdt};

    for (unsigned i = 0; i < 32; i++)
        idt[i] = gate(pvh_trap_entries + (size_t)16 * i, 1);
    idt[VECTOR_UPCALL] = gate(pvh_upcall, 0);
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
