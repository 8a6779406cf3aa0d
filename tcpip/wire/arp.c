/* SPDX-License-Identifier: ISC */
/* arp.c - ARP messages to and from a struct. */
#include "tcpip/wire/arp.h"
#include "tcpip/wire/eth.h"

enum { ARP_HRD_ETHERNET = 1, ARP_PRO_IP4 = 0x0800, ARP_HLN = 6, ARP_PLN = 4 };

bool arp_parse(struct arp_msg *out, struct cs_ro in)
{
    uint16_t op;

    if (in.len < arp_SIZE)
        return false;
    if (arp_ro_get_hrd(in) != ARP_HRD_ETHERNET || arp_ro_get_pro(in) != ARP_PRO_IP4 ||
        arp_ro_get_hln(in) != ARP_HLN || arp_ro_get_pln(in) != ARP_PLN)
        return false;
    op = arp_ro_get_op(in);
    if (op != ARP_REQUEST && op != ARP_REPLY)
        return false;
    out->op = op;
    out->sha = cs_get_be64(in, arp_sha_OFF) >> 16;
    out->spa = arp_ro_get_spa(in);
    out->tha = cs_get_be64(in, arp_tha_OFF) >> 16;
    out->tpa = arp_ro_get_tpa(in);
    return true;
}

void arp_emit(struct cs to, const struct arp_msg *msg)
{
    arp_set_hrd(to, ARP_HRD_ETHERNET);
    arp_set_pro(to, ARP_PRO_IP4);
    arp_set_hln(to, ARP_HLN);
    arp_set_pln(to, ARP_PLN);
    arp_set_op(to, msg->op);
    eth_mac_set(to, arp_sha_OFF, msg->sha);
    arp_set_spa(to, msg->spa);
    eth_mac_set(to, arp_tha_OFF, msg->tha);
    arp_set_tpa(to, msg->tpa);
}
