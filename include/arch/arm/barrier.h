/* SPDX-License-Identifier: ISC */
/* barrier.h (ARMv7) - ordering of accesses to memory that another domain, or a device, sees at the
 * same time.
 *
 * Never compiled out: a guest with one CPU still shares memory with another CPU. DMB ISH: the other
 * CPU is in the same inner shareable domain, as is all memory that Xen shares (public/arch-arm.h);
 * ISHST orders stores only. ARMv7 has no barrier for loads alone (ARM DDI 0406, A8.8.43). */
#ifndef MORGANA_ARCH_BARRIER_H
#define MORGANA_ARCH_BARRIER_H

/* The compiler moves no access across. */
#define barrier() __asm__ __volatile__("" ::: "memory")
/* Every access before it is done before every access after it. */
#define mb() __asm__ __volatile__("dmb ish" ::: "memory")
/* Loads before it are done before loads after it. */
#define rmb() __asm__ __volatile__("dmb ish" ::: "memory")
/* Stores before it are seen before stores after it. */
#define wmb() __asm__ __volatile__("dmb ishst" ::: "memory")

/* The names that Xen's io/ring.h uses. */
#define xen_mb() mb()
#define xen_rmb() rmb()
#define xen_wmb() wmb()

/* In a loop that waits for another CPU. */
static inline void cpu_relax(void)
{
    __asm__ __volatile__("yield" ::: "memory");
}

#endif
