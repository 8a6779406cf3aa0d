/* SPDX-License-Identifier: ISC */
/* console.c - the console ring once it is up, the emergency console before. */
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/start.h>
#include <morgana/xen.h>

#include "boot/common/bare/bare.h"

#include <xen/io/console.h>

#define DRAIN_NS (10 * NS_PER_S) /* dom0 may be busy for long, above all in emulation */

void plat_console_write(struct cs_ro text)
{
    struct start *start = start_get();

    if (start->has_cons)
        xencons_write(&start->cons, text);
    else
        xencons_emergency(text);
}

int plat_console_read(void)
{
    struct start *start = start_get();

    return start->has_cons ? xencons_read(&start->cons) : -E_AGAIN;
}

bool bare_console_exists(void)
{
    return xen_start()->console_ring != NULL;
}

void bare_console_end_line(void)
{
    const struct xencons_interface *ring = xen_start()->console_ring;
    uint32_t end = ring != NULL ? READ_ONCE(ring->out_prod) : 0;

    /* What is in the ring counts, not what was written last: a full console drops. */
    if (ring != NULL && ring->out[MASK_XENCONS_IDX(end - 1, ring->out)] != '\n')
        plat_console_write(cs_of_str("\n"));
}

void bare_emergency(const char *format, ...)
{
    char text[256];
    va_list args;
    size_t len;

    va_start(args, format);
    len = fmt_vbuf(text, sizeof(text), format, args);
    va_end(args);
    xencons_emergency(cs_ro_of(text, size_min(len, sizeof(text) - 1)));
}

void bare_console_drain(void)
{
    const struct xencons_interface *ring = xen_start()->console_ring;
    uint64_t end;

    if (ring == NULL)
        return;
    end = plat_now_ns() + DRAIN_NS;
    while (READ_ONCE(ring->out_cons) != READ_ONCE(ring->out_prod) && plat_now_ns() < end)
        plat_wait(plat_now_ns() + NS_PER_MS); /* the reader also sends an event */
}
