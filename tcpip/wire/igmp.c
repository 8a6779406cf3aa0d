/* SPDX-License-Identifier: ISC */
/* igmp.c - IGMP messages to and from a struct. */
#include <morgana/cksum.h>

#include "tcpip/wire/igmp.h"

enum igmp_result igmp_parse(struct igmp_msg *out, struct cs_ro in)
{
    if (in.len < igmp_SIZE)
        return IGMP_SHORT;
    if (cksum_finish(cksum_partial(in, 0)) != 0)
        return IGMP_CHECKSUM;
    out->type = igmp_ro_get_type(in);
    out->max_resp = igmp_ro_get_max_resp(in);
    out->group = igmp_ro_get_group(in);
    return IGMP_OK;
}

void igmp_emit(struct cs to, const struct igmp_msg *msg)
{
    struct cs front = cs_head(to, igmp_SIZE);

    igmp_set_type(front, msg->type);
    igmp_set_max_resp(front, msg->max_resp);
    igmp_set_checksum(front, 0);
    igmp_set_group(front, msg->group);
    igmp_set_checksum(front, cksum_finish(cksum_partial(cs_as_ro(front), 0)));
}
