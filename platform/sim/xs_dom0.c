/* SPDX-License-Identifier: ISC */
/* xs_dom0.c - xenstore as domain 0 and the tests use it; and the tree that the toolstack makes
 * for a new domain.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_priv.h"

void sim_xs_write_bytes(const char *path, struct cs_ro value)
{
    ASSERT(sim_store_path_ok(path));
    int err = sim_store_write(0, NULL, path, value);
    ASSERT(err == 0);
}

void sim_xs_write(const char *path, const char *format, ...)
{
    char value[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    ASSERT(len >= 0 && (size_t)len < sizeof(value));
    sim_xs_write_bytes(path, cs_ro_of(value, (size_t)len));
}

int sim_xs_read(const char *path, char *out, size_t size)
{
    struct cs_ro value;
    if (sim_store_read(0, NULL, path, &value) != 0)
        return -E_NOENT;
    size_t n = size_min(value.len, size - 1);
    memcpy(out, value.base, n);
    out[n] = '\0';
    return (int)value.len;
}

uint32_t sim_xs_read_u32(const char *path, uint32_t otherwise)
{
    char text[32];
    if (sim_xs_read(path, text, sizeof(text)) <= 0)
        return otherwise;
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    return *end == '\0' && value <= UINT32_MAX ? (uint32_t)value : otherwise;
}

void sim_xs_rm(const char *path)
{
    sim_store_rm(0, NULL, path);
}

void sim_store_changed(const char *path, bool gone)
{
    if (!gone && sim_store_guest_sees(path))
        sim_xs_watch_event(path, false);
    sim_netback_changed(path);
    sim_blkback_changed(path);
}

static void dir(const char *path, const char *perms, size_t perms_len)
{
    sim_store_mkdir(0, NULL, path);
    sim_store_set_perms(0, NULL, path, cs_ro_of(perms, perms_len));
}

/* What xl and libxl write before the guest starts. */
void sim_store_populate(void)
{
    static const char guest_reads[] = "n0\0r1", guest_owns[] = "n1";
    dir("/local/domain/1", guest_reads, sizeof(guest_reads));
    sim_xs_write("/local/domain/1/name", "guest");
    sim_xs_write("/local/domain/1/domid", "1");
    sim_xs_write("/local/domain/1/vm", "/vm/1");
    dir("/local/domain/1/memory", guest_reads, sizeof(guest_reads));
    sim_xs_write("/local/domain/1/memory/target", "%u", 16384u);
    static const char *const owned[] = {"control/shutdown",
                                        "control/feature-poweroff",
                                        "control/feature-reboot",
                                        "control/feature-suspend",
                                        "control/sysrq",
                                        "data",
                                        "device",
                                        "error",
                                        "drivers",
                                        "feature",
                                        "attr"};
    dir("/local/domain/1/control", guest_reads, sizeof(guest_reads));
    for (unsigned i = 0; i < ARRAY_SIZE(owned); i++) {
        char path[64];
        snprintf(path, sizeof(path), "/local/domain/1/%s", owned[i]);
        dir(path, guest_owns, sizeof(guest_owns));
    }
    sim_xs_write("/local/domain/1/store/port", "%u", xen_start()->store_port);
    sim_xs_write("/local/domain/1/console/port", "%u", xen_start()->console_port);
    sim_xs_write("/local/domain/1/console/type", "xenconsoled");
    sim_xs_write("/local/domain/1/console/limit", "%u", 1048576u);
    sim_xs_write("/local/domain/0/name", "Domain-0");
}
