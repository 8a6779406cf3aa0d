/* SPDX-License-Identifier: ISC */
/* hypercall.c - the one symbol that enters the hypervisor.
 *
 * We execute the instruction ourselves (VMCALL or VMMCALL by the CPU's vendor, SYSCALL in PV)
 * instead of calling into the page that Xen fills in: that page is written at run time, cannot be
 * mapped by our own W^X rules, and is itself the subject of XSA-466.
 */
#include <morgana/xen.h>

#include "boot.h"
#include "x86.h"

#include <xen/arch-x86/cpuid.h>

static enum { VMCALL, VMMCALL, SYSCALL } instruction;

bool hypercall_detect(void)
{
    struct cpuid r = x86_cpuid(0, 0);

    /* "AuthenticAMD" and "HygonGenuine" have SVM; everyone else follows Intel. */
    if ((r.ebx == 0x68747541 && r.edx == 0x69746e65 && r.ecx == 0x444d4163) ||
        (r.ebx == 0x6f677948 && r.edx == 0x6e65476e && r.ecx == 0x656e6975))
        instruction = VMMCALL;
    /* Xen's leaves begin at 0x40000000, or higher where it also shows another hypervisor's
     * (public/arch-x86/cpuid.h). */
    for (uint32_t leaf = XEN_CPUID_FIRST_LEAF; leaf < XEN_CPUID_FIRST_LEAF + 0x10000;
         leaf += 0x100) {
        r = x86_cpuid(leaf, 0);
        if (r.ebx == XEN_CPUID_SIGNATURE_EBX && r.ecx == XEN_CPUID_SIGNATURE_ECX &&
            r.edx == XEN_CPUID_SIGNATURE_EDX)
            return true;
    }
    return false;
}

void hypercall_use_syscall(void)
{
    instruction = SYSCALL;
}

/* Xen may overwrite the arguments' registers, SYSCALL rcx and r11; "memory" because Xen reads and
 * writes what the arguments point to. */
#define ENTER(what)                                                                                \
    __asm__ volatile(what                                                                          \
                     : "+a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)             \
                     :                                                                             \
                     : "rcx", "r11", "memory")

long xen_hypercall(unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                   unsigned long a4, unsigned long a5)
{
    register unsigned long r10 __asm__("r10") = a4;
    register unsigned long r8 __asm__("r8") = a5;
    unsigned long result = op;

    switch (instruction) {
    case VMCALL:
        ENTER("vmcall");
        break;
    case VMMCALL:
        ENTER("vmmcall");
        break;
    case SYSCALL:
        ENTER("syscall");
        break;
    }
    return (long)result;
}
