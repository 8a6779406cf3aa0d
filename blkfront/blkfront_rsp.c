/* SPDX-License-Identifier: ISC */
/* blkfront_rsp.c - requests in the rings: their table, the responses, and what becomes of them when
 * the backend goes.
 *
 * An id is a place in the table and a number that never comes twice: a response to a request that
 * is over is known as a lie even when its place is in use again. Everything a response says is
 * compared with the table before anything is done (XSA-391).
 */
#include "blkfront_priv.h"

STATIC_ASSERT(BLKFRONT_REQUESTS_MAX < BLKFRONT_NONE, "a place fits the low 16 bits of an id");

void blkfront_shadow_init(struct blkfront *bf)
{
    for (uint16_t i = BLKFRONT_REQUESTS_MAX; i-- > 0;) {
        bf->shadow[i] = (struct blkfront_shadow){
            .lent = BLKFRONT_NONE,
            .queue = BLKFRONT_NO_QUEUE,
            .next_free = (uint16_t)(i + 1u < BLKFRONT_REQUESTS_MAX ? i + 1u : BLKFRONT_NONE)};
    }
    bf->shadow_free = 0;
}

struct blkfront_shadow *blkfront_shadow_get(struct blkfront *bf, struct blkfront_io *io)
{
    uint16_t i = bf->shadow_free;
    struct blkfront_shadow *sh = &bf->shadow[i];

    ASSERT(i != BLKFRONT_NONE);
    bf->shadow_free = sh->next_free;
    *sh = (struct blkfront_shadow){.id = ++bf->serial << 16 | i,
                                   .first = io,
                                   .ios = 1,
                                   .lent = BLKFRONT_NONE,
                                   .queue = BLKFRONT_NO_QUEUE};
    return sh;
}

void blkfront_shadow_put(struct blkfront *bf, struct blkfront_shadow *sh)
{
    ASSERT(sh->ios == 0 && sh->queue == BLKFRONT_NO_QUEUE);
    sh->first = NULL;
    if (sh->lent != BLKFRONT_NONE || sh->list != NULL)
        return;
    sh->next_free = bf->shadow_free;
    bf->shadow_free = (uint16_t)(sh->id & UINT16_MAX);
    sh->id = 0;
}

/* Tells those whom it served. */
static void serve(struct blkfront *bf, struct blkfront_shadow *sh, int error)
{
    struct blkfront_io *io = sh->first;

    while (sh->ios != 0) {
        /* Behind the last one there is nothing that we may look at. */
        struct blkfront_io *next = --sh->ios != 0 ? io->next : NULL;

        blkfront_io_part_done(bf, io, error);
        io = next;
    }
}

/* ---- responses ------------------------------------------------------------------------------- */

/* The backend does not know the operation. Which one it was is switched off, so that nobody asks
 * again; a flush is asked for as a barrier where there are barriers. */
static int not_supported(struct blkfront *bf, struct blkfront_shadow *sh)
{
    struct blkdev_caps *caps = &bf->dev.caps;

    switch (sh->op) {
    case BLKIF_OP_FLUSH_DISKCACHE:
        if (bf->barrier) {
            bf->flush_op = BLKIF_OP_WRITE_BARRIER;
            blkfront_io_again(bf, sh->first);
            sh->ios = 0;
            return 0;
        }
        caps->flush = false;
        return -E_NOSYS;
    case BLKIF_OP_WRITE_BARRIER:
        bf->barrier = false;
        caps->flush = false;
        return -E_NOSYS;
    case BLKIF_OP_DISCARD:
        if (sh->first->req->op == BLK_DISCARD) {
            caps->discard = false;
            caps->discard_unit_bytes = caps->discard_align_bytes = 0;
        }
        caps->secure_discard = false;
        return -E_NOSYS;
    default:
        return -E_IO; /* nothing can be read or written in another way */
    }
}

static int error_of(struct blkfront *bf, struct blkfront_shadow *sh, int16_t status)
{
    if (LIKELY(status == BLKIF_RSP_OKAY))
        return 0;
    return status == BLKIF_RSP_EOPNOTSUPP ? not_supported(bf, sh) : -E_IO;
}

/* The request that a response names, if it may. */
static struct blkfront_shadow *find(struct blkfront *bf, unsigned queue, struct blkfront_rsp rsp)
{
    struct blkfront_shadow *sh = &bf->shadow[(rsp.id & UINT16_MAX) % BLKFRONT_REQUESTS_MAX];

    if (UNLIKELY(rsp.id == 0 || sh->id != rsp.id || sh->queue != queue)) {
        blkfront_violate(bf, BLKFRONT_ID, rsp.id, queue, 0);
        return NULL;
    }
    /* "Copied from the request": of an indirect one backends copy either of its two. */
    if (UNLIKELY(rsp.op != sh->op && !(sh->list != NULL && rsp.op == BLKIF_OP_INDIRECT))) {
        blkfront_violate(bf, BLKFRONT_OP, rsp.id, rsp.op, sh->op);
        return NULL;
    }
    if (UNLIKELY(rsp.status > BLKIF_RSP_OKAY || rsp.status < BLKIF_RSP_EOPNOTSUPP)) {
        blkfront_violate(bf, BLKFRONT_STATUS, rsp.id, (uint16_t)rsp.status, 0);
        return NULL;
    }
    return sh;
}

bool blkfront_rsp_one(struct blkfront *bf, unsigned queue, struct blkfront_rsp rsp)
{
    struct blkfront_shadow *sh = find(bf, queue, rsp);
    int error;

    if (UNLIKELY(sh == NULL))
        return false;
    /* Looked at while the list is whole. What the backend writes from here on is no matter: only a
     * copy is used, made once. */
    if (sh->copied && sh->op == BLKIF_OP_READ && rsp.status == BLKIF_RSP_OKAY)
        blkfront_data_copy_out(bf, sh);
    if (UNLIKELY(!blkfront_data_take(bf, sh))) {
        blkfront_violate(bf, BLKFRONT_MAPPED, rsp.id, 0, 0);
        return false;
    }
    sh->queue = BLKFRONT_NO_QUEUE;
    bf->flying--;
    error = error_of(bf, sh, rsp.status);
    serve(bf, sh, error);
    blkfront_shadow_put(bf, sh);
    return true;
}

/* ---- again ----------------------------------------------------------------------------------- */

/* The oldest of those that are younger than this id; NULL: none. */
static struct blkfront_shadow *next_by_age(struct blkfront *bf, uint64_t id)
{
    struct blkfront_shadow *oldest = NULL;

    for (unsigned i = 0; i < BLKFRONT_REQUESTS_MAX; i++) {
        struct blkfront_shadow *sh = &bf->shadow[i];

        if (sh->id > id && (oldest == NULL || sh->id < oldest->id))
            oldest = sh;
    }
    return oldest;
}

void blkfront_rsp_again(struct blkfront *bf)
{
    struct blkfront_io *ios[BLKFRONT_REQUESTS_MAX];
    struct blkfront_shadow *sh = NULL;
    unsigned n = 0;

    while ((sh = next_by_age(bf, sh != NULL ? sh->id : 0)) != NULL) {
        /* Of one that is in several the first counts. Links are changed when all are known. */
        for (struct blkfront_io *io = sh->first; sh->ios != 0;
             io = --sh->ios != 0 ? io->next : NULL) {
            if (io->parts == 0)
                continue;
            io->parts = 0;
            ios[n++] = io;
        }
    }
    blkfront_io_requeue(bf, ios, n);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Its response is awaited no longer. */
static void land(struct blkfront *bf, struct blkfront_shadow *sh)
{
    if (sh->queue != BLKFRONT_NO_QUEUE)
        bf->flying--;
    sh->queue = BLKFRONT_NO_QUEUE;
}

void blkfront_rsp_give_up(struct blkfront *bf)
{
    for (unsigned i = 0; i < BLKFRONT_REQUESTS_MAX; i++) {
        struct blkfront_shadow *sh = &bf->shadow[i];

        if (sh->id == 0)
            continue;
        land(bf, sh);
        serve(bf, sh, -E_NODEV);
        blkfront_shadow_put(bf, sh);
    }
}

bool blkfront_rsp_destroy(struct blkfront *bf, bool force)
{
    bool all = true;

    for (unsigned i = 0; i < BLKFRONT_REQUESTS_MAX; i++) {
        struct blkfront_shadow *sh = &bf->shadow[i];
        bool free;

        if (sh->id == 0)
            continue;
        land(bf, sh);
        free = blkfront_data_take(bf, sh);
        all = all && free;
        if (!free && !force)
            continue;
        serve(bf, sh, -E_NODEV);
        blkfront_shadow_put(bf, sh);
    }
    return all;
}
