/* SPDX-License-Identifier: ISC */
/* balloon.h - memory/target of xenstore (Xen's docs/misc/xenstore-paths.pandoc): memory that the
 * program does not use goes back to Xen when the toolstack asks for it (`xl mem-set`), and is taken
 * again when it may be.
 *
 * What may go is what nobody has asked the heap for: it was never written, so nothing in it is to
 * be wiped, and nothing of ours has to let go of it. The heap only grows, so the program's own
 * memory is never in question.
 */
#ifndef MORGANA_BALLOON_H
#define MORGANA_BALLOON_H

#include <morgana/xenstore.h>

/* The machine's part: pages that are free, in a fixed order; the last that left comes back
 * first. */
struct balloon_memory {
    /* Takes up to n free pages away from the program, unmapped where the hypervisor wants that:
     * their frames as it knows them. How many; 0: what is left is in use. */
    unsigned (*leave)(uint64_t *frames, unsigned n);
    /* The numbers, as the guest knows them, of up to n pages that left: the next to come back
     * first. How many. */
    unsigned (*gone)(uint64_t *frames, unsigned n);
    /* The first n of those have memory again: frames as the hypervisor knows them. How many of them
     * are the program's again. */
    unsigned (*come)(const uint64_t *frames, unsigned n);
};

struct balloon_conf {
    struct xs *xs;                       /* Kept */
    const struct balloon_memory *memory; /* Kept */
    uint64_t ram_kib;                    /* what the memory map says that there is */
};

struct balloon_stats {
    uint64_t given, taken; /* pages */
    uint64_t refused;      /* pages: Xen did not take or give them; they are tried again */
    uint64_t limits;       /* targets that the program's memory did not allow */
    uint64_t malformed;    /* targets that were no number */
};

/* State; treat as opaque. */
struct balloon {
    struct balloon_conf conf;
    struct xs_watch watch;
    uint32_t seen;          /* watch.fired as of the last look */
    uint64_t base_kib;      /* the target that means: all of it is here */
    uint64_t target_kib;    /* the last that was a number */
    uint32_t wanted, given; /* pages that shall be, are with Xen */
    uint64_t retry_ns;      /* not before, after Xen refused; 0: at once */
    uint64_t look_ns;       /* target: not before, after xenstored did not answer; 0: at once */
    bool refusal_told;      /* of this target: it is said once */
    bool busy;              /* the next step may be done at once: do not sleep */
    bool full;              /* nothing more can be given for this target */
    struct balloon_stats stats;
};

#define BALLOON_STEP 256u            /* pages a call */
#define BALLOON_RETRY_NS NS_PER_S    /* after Xen refused */
#define BALLOON_KIB_MAX (1ull << 42) /* a target above that is no number */

/* Watches memory/target and reads it. Where it is less than what the memory map says (memory=
 * below maxmem=), the rest is to be given back before it is used: call balloon_poll until it
 * returns false. Keeps b until fini. -E_NOENT where there is no target; xenstore's errors. */
int balloon_init(struct balloon *b, const struct balloon_conf *conf);
/* Removes the watch. What Xen has stays there. */
void balloon_fini(struct balloon *b);

/* Is there work for the next balloon_poll? */
static inline bool balloon_has_work(const struct balloon *b)
{
    return b->busy || b->retry_ns != 0 || b->seen != b->watch.fired;
}

/* Looks whether the target changed, and does at most BALLOON_STEP pages' work towards it. Takes no
 * events: after xs_poll. Cheap where nothing changed. A target that xenstored does not tell is read
 * again a pause later. True: there is more to do at once. */
bool balloon_poll(struct balloon *b, uint64_t now_ns);

#endif
