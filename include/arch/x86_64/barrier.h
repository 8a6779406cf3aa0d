/* SPDX-License-Identifier: ISC */
/* barrier.h (x86-64) - ordering of accesses to memory that another domain, or a device, sees at the
 * same time.
 *
 * Never compiled out: a guest with one CPU still shares memory with another CPU. x86 reorders only
 * an earlier store with a later load of another address (Intel SDM volume 3, 8.2.2), so that for
 * rmb and wmb it is enough to stop the compiler. */
#ifndef MORGANA_ARCH_BARRIER_H
#define MORGANA_ARCH_BARRIER_H

/* The compiler moves no access across. */
#define barrier() __asm__ __volatile__("" ::: "memory")
/* Every access before it is done before every access after it. A locked operation on the stack does
 * it, faster than mfence; the offset keeps clear of what was just pushed. */
#define mb() __asm__ __volatile__("lock; addl $0, -4(%%rsp)" ::: "memory", "cc")
/* Loads before it are done before loads after it. */
#define rmb() barrier()
/* Stores before it are seen before stores after it. */
#define wmb() barrier()

/* The names that Xen's io/ring.h uses. */
#define xen_mb() mb()
#define xen_rmb() rmb()
#define xen_wmb() wmb()

/* In a loop that waits for another CPU. */
static inline void cpu_relax(void)
{
    __asm__ __volatile__("pause" ::: "memory");
}

#endif
