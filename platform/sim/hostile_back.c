/* SPDX-License-Identifier: ISC */
/* hostile_back.c - lies that any backend may tell: by events, in xenstore, and by pages it keeps.
 */
#include <string.h>

#include "hostile_priv.h"

#include "hv_evtchn.h"

/* ---- pages that are kept -------------------------------------------------------------------- */

bool sim_keep_map(struct sim_keep *kept, unsigned n, uint32_t gref, bool write)
{
    int16_t status;
    while (n-- != 0) {
        if (kept[n].page != NULL)
            continue;
        kept[n] = (struct sim_keep){gref, write, sim_grant_map(gref, write, &status)};
        return kept[n].page != NULL;
    }
    return false;
}

static bool let_go(struct sim_keep *kept)
{
    bool is = kept->page != NULL;
    if (is)
        sim_grant_unmap(kept->gref, kept->write);
    kept->page = NULL;
    return is;
}

bool sim_keep_release(struct sim_keep *kept, unsigned n)
{
    unsigned first = sim_random(n);
    for (unsigned i = 0; i < n; i++) {
        if (let_go(&kept[(first + i) % n]))
            return true;
    }
    return false;
}

void sim_keep_clear(struct sim_keep *kept, unsigned n)
{
    while (n-- != 0)
        let_go(&kept[n]);
}

bool sim_keep_scribble(const struct sim_keep *kept, unsigned n)
{
    bool any = false;
    while (n-- != 0) {
        if (kept[n].page == NULL || !kept[n].write)
            continue;
        noise(kept[n].page + sim_random(SIM_PAGE - 16), 16);
        any = true;
    }
    return any;
}

/* ---- events --------------------------------------------------------------------------------- */

uint32_t sim_lie_guest_port(int port)
{
    return port > 0 && sim_evtchn.dom0[port].used ? sim_evtchn.dom0[port].guest_port : 0;
}

bool sim_lie_event_storm(int port)
{
    uint32_t guest_port = sim_lie_guest_port(port);
    for (uint32_t n = 1 + sim_random(64); n != 0; n--)
        sim_evtchn_raise(guest_port);
    return guest_port != 0;
}

bool sim_lie_event_strange(void)
{
    for (uint32_t n = 1 + sim_random(8); n != 0; n--)
        sim_evtchn_raise(sim_random(sim_random(2) == 0 ? 16 : PORTS_FIFO));
    return true;
}

bool sim_lie_event_lost(int port)
{
    uint32_t guest_port = sim_lie_guest_port(port);
    if (guest_port != 0)
        sim_evtchn_clear_pending(guest_port);
    return guest_port != 0;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static const char *garbage(void)
{
    static const char *const texts[] = {"",
                                        "banana",
                                        "-1",
                                        "9",
                                        "99999999999999999999",
                                        "4294967296",
                                        "0x4",
                                        " 4",
                                        "4 4",
                                        "4294967300",
                                        "\xff\xfe\xfd",
                                        "2147483648",
                                        "00",
                                        "+2",
                                        "1e9",
                                        "4\n",
                                        "18446744073709551616",
                                        "/local/domain/0",
                                        "%s",
                                        "NaN",
                                        "true",
                                        "1,1",
                                        "65536",
                                        "65535"};
    return texts[sim_random(ARRAY_SIZE(texts))];
}

/* Some text too long for any key. */
static void write_long(const char *path)
{
    static char text[1500];
    memset(text, '7', sizeof(text));
    sim_xs_write_bytes(path, cs_ro_of(text, sizeof(text)));
}

void sim_lie_garbage(const char *path)
{
    switch (sim_random(16)) {
    case 0:
        write_long(path);
        break;
    case 1:
        sim_xs_rm(path);
        break;
    case 2:
        sim_xs_write_bytes(path, cs_ro_of("1\0\0"
                                          "2",
                                          4));
        break;
    default:
        sim_xs_write(path, "%s", garbage());
    }
}

bool sim_lie_key(const struct sim_backend *b, const struct sim_lie_key *keys, unsigned n)
{
    const struct sim_lie_key *key = &keys[sim_random(n)];
    const char *path = sim_back_back(b, key->name);
    unsigned values = 0;
    while (key->values[values] != NULL)
        values++;
    if (sim_random(3) == 0)
        sim_lie_garbage(path);
    else
        sim_xs_write(path, "%s", key->values[sim_random(values)]);
    return true;
}

bool sim_lie_state_jump(struct sim_backend *b)
{
    sim_xs_write(sim_back_back(b, "state"), "%u", sim_random(10));
    return true;
}

bool sim_lie_state_garbage(struct sim_backend *b)
{
    sim_lie_garbage(sim_back_back(b, "state"));
    return true;
}

bool sim_lie_key_backend(struct sim_backend *b, const char *other)
{
    char path[400] = "/local/domain/0/backend/";
    uint32_t draw = sim_random(4);
    if (draw < 2) {
        sim_lie_garbage(sim_back_front(b, "backend"));
    } else if (draw == 2) { /* longer than any path is */
        size_t len = strlen(path);
        memset(path + len, '0', sizeof(path) - 1 - len);
        path[sizeof(path) - 1] = '\0';
        sim_xs_write(sim_back_front(b, "backend"), "%s", path);
    } else {
        sim_lie_garbage(sim_back_front(b, sim_random(2) == 0 ? "backend-id" : other));
    }
    return true;
}

bool sim_lie_directory_gone(struct sim_backend *b)
{
    sim_xs_rm(sim_back_back(b, ""));
    return true;
}
