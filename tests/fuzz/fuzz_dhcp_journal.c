/* SPDX-License-Identifier: ISC */
/* fuzz_dhcp_journal.c - a disk with a lease journal, and patches on it: whatever it holds, the
 * store opens or refuses it, no lease is there that dhcpd.conf has no address for, and what it
 * opened it can use: clients get leases, which are there after a restart, and nothing is damaged
 * any more.
 *
 *     the input: flags, then patches: kind (1 byte), where (1 byte), off (2 bytes), n (1 byte), n
 *     bytes.  kind & 1: in a head, else in the half in use; where: which block; kind & 2: the bytes
 *     are XORed, else they replace what is there
 *     flags & 1: checksums are made right after the patches   & 2: a smaller table than before */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <morgana/dhcp_journal.h>

#include "storerig.h"

#define CONF                                                                                       \
    "authoritative; ping-check off; default-lease-time 3600;"                                      \
    "subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.2.255; }"                           \
    "host h { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.3.1; }"
#define BLOCKS (DHCP_JOURNAL_HEADS + 2 * 64u)
#define BLOCK DHCP_JOURNAL_BLOCK_BYTES
/* Where the checksums are: see dhcp_journal.c. */
enum { HEAD_CHECK = 80, BLOCK_CHECK = 56, BLOCK_HEAD = 64, RECORD = 112, HEAD_SLOT = 63 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct storerig rig;
static uint8_t *made; /* the disk before any patch */
static struct dhcp_journal_head head;
static uint64_t made_ns;

static void make_right(uint8_t *disk)
{
    static const uint64_t head_key[2] = {UINT64_C(0x6d6f7267616e6120),
                                         UINT64_C(0x6c6561736573206a)};
    uint8_t *half = disk + (DHCP_JOURNAL_HEADS + head.half * 64u) * BLOCK;

    for (uint32_t i = 0; i < DHCP_JOURNAL_HEADS; i++) {
        struct cs b = cs_of(disk + i * BLOCK, BLOCK);

        if (b.base[0])
            cs_set_le64(b, HEAD_CHECK, dhcp_hash(head_key, 1, cs_ro_of(b.base, HEAD_CHECK)));
    }
    for (uint32_t i = 0; i < 64; i++) {
        struct cs b = cs_of(half + i * BLOCK, BLOCK);
        uint64_t at = head.salt + (i << 6);

        if (cs_get_le64(b, 8) != head.generation) /* an earlier one left it */
            continue;
        cs_set_le64(b, BLOCK_CHECK,
                    dhcp_hash(head.key, at + HEAD_SLOT, cs_ro_of(b.base, BLOCK_CHECK)));
        for (uint32_t slot = 0; slot < DHCP_JOURNAL_RECORDS; slot++) {
            struct cs r = cs_sub(b, BLOCK_HEAD + slot * RECORD, RECORD);

            if (cs_get_le64(r, 0))
                cs_set_le64(r, 0, dhcp_hash(head.key, at + slot, cs_ro_of(r.base + 8, RECORD - 8)));
        }
    }
}

static void make(void)
{
    static uint8_t *again;
    uint64_t best = 0;

    storerig_init(&rig, CONF, 200, BLOCKS);
    ASSERT(storerig_open(&rig) == 0);
    for (uint32_t n = 1; n <= 120; n++) {
        ASSERT(storerig_lease(&rig, n));
        if (n % 7 == 0)
            storerig_run(&rig);
        if (n % 40 == 0)
            rig.store.overrun = true;
    }
    storerig_run(&rig);
    made = malloc(BLOCKS * BLOCK);
    again = malloc(BLOCKS * BLOCK);
    ASSERT(made && again);
    memcpy(made, rig.disk, BLOCKS * BLOCK);
    for (uint32_t i = 0; i < DHCP_JOURNAL_HEADS; i++) {
        struct dhcp_journal_head h;

        if (dhcp_journal_head_parse(cs_ro_of(made + i * BLOCK, BLOCK), &h) && h.generation > best) {
            best = h.generation;
            head = h;
        }
    }
    memcpy(again, made, BLOCKS * BLOCK);
    make_right(again);
    ASSERT(memcmp(again, made, BLOCKS * BLOCK) == 0); /* we know how they are made */
    free(again);
    made_ns = rig.true_ns;
    storerig_crash(&rig, 1);
    blk_mem_power_on(&rig.mem);
}

static void patch(const uint8_t *data, size_t size)
{
    while (size >= 5) {
        size_t n = size_min(data[4], size - 5);
        uint32_t block = data[0] & 1 ? data[1] % DHCP_JOURNAL_HEADS
                                     : DHCP_JOURNAL_HEADS + head.half * 64u + data[1] % 64u;
        uint32_t off = (uint32_t)(data[2] << 8 | data[3]) % BLOCK;

        for (size_t i = 0; i < n && off + i < BLOCK; i++) {
            uint8_t *at = rig.disk + block * BLOCK + off + i;

            *at = data[0] & 2 ? *at ^ data[5 + i] : data[5 + i];
        }
        data += 5 + n;
        size -= 5 + n;
    }
}

static void check_table(void)
{
    const struct dhcp_lease *lease;
    uint16_t pool, net;

    ASSERT(rig.rig.leases.used <= rig.rig.leases.max);
    for (uint32_t i = 0; (lease = dhcp_leases_at(&rig.rig.leases, i)) != NULL; i++) {
        char line[200];

        ASSERT(dhcp_server_place(&rig.rig.server, &rig.rig.leases, lease->addr, &pool, &net));
        ASSERT(lease->state == DHCP_LEASE_FREE || lease->state == DHCP_LEASE_BOUND ||
               lease->state == DHCP_LEASE_ABANDONED);
        ASSERT(dhcp_leases_by_addr(&rig.rig.leases, lease->addr) == lease);
        ASSERT(dhcp_lease_print(&rig.rig.leases, lease, line, sizeof(line)) < sizeof(line));
    }
}

/* New clients, and time: what was restored takes part in all that a table does. */
static void use(void)
{
    uint32_t got = 0;

    memset(rig.told, 0, sizeof(rig.told));
    for (uint32_t n = 300; n < 310; n++)
        got += storerig_lease(&rig, n) != 0;
    storerig_run(&rig);
    storerig_restart(&rig, 1, 1);
    ASSERT(rig.store.found.damaged == 0);
    storerig_check(&rig);
    for (unsigned i = 0; i < 20; i++) {
        storerig_pass(&rig, 400);
        (void)dhcp_leases_tick(&rig.rig.leases, rig.rig.now_ns, 1000);
    }
    (void)got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!made)
        make();
    if (size == 0)
        return 0;
    memcpy(rig.disk, made, BLOCKS * BLOCK);
    rig.true_ns = made_ns;
    rig.leases_max = data[0] & 2 ? 50 : 200;
    rig.key_seed = 7;
    memset(rig.told, 0, sizeof(rig.told));
    patch(data + 1, size - 1);
    if (data[0] & 1)
        make_right(rig.disk);
    if (storerig_open(&rig) == 0) {
        check_table();
        use();
    }
    storerig_crash(&rig, 1);
    blk_mem_power_on(&rig.mem);
    return 0;
}
