/* SPDX-License-Identifier: ISC */
/* fuzz_dhcp_conf.c - any bytes as dhcpd.conf: parsed or refused with a place inside the text,
 * within the documented memory. */
#include <stdlib.h>
#include <string.h>

#include <morgana/dhcp_conf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t bytes = dhcp_conf_arena_bytes(size);
    void *arena = malloc(bytes);
    struct dhcp_conf_error error;
    struct dhcp_conf conf;
    int err = dhcp_conf_parse(cs_ro_of(data, size), cs_of(arena, bytes), &conf, &error);

    /* The promise of dhcp_conf_arena_bytes, and an error that can be shown. */
    ASSERT(err == 0 || err == -E_INVAL);
    ASSERT(err == 0 || (error.line > 0 && error.column > 0 && error.text[0] != '\0' &&
                        memchr(error.text, '\0', sizeof(error.text))));
    free(arena);
    return 0;
}
