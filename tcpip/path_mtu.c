/* SPDX-License-Identifier: ISC */
/* path_mtu.c - paths that are narrower than our link (RFC 1191): a small table that forgets
 * after ten minutes. */
#include "tcpip/tcpip_priv.h"

#define PATH_MTU_LIFE_NS (600 * NS_PER_S) /* RFC 1191 section 6.3 */

/* RFC 1191 section 7.1: for routers that do not say how much would have fitted. */
static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006};

static struct netif_path_mtu *find(struct netif *nif, uint32_t dst)
{
    for (uint32_t i = 0; i < nif->path_mtu_count; i++)
        if (nif->path_mtus[i].dst == dst)
            return &nif->path_mtus[i];
    return NULL;
}

uint32_t ip4_path_mtu(struct netif *nif, uint32_t dst, uint64_t now)
{
    struct netif_path_mtu *path = find(nif, dst);
    uint32_t link = ip4_path_mtu_link(nif);

    if (path == NULL)
        return link;
    if (now >= path->expires_at) {
        *path = nif->path_mtus[--nif->path_mtu_count];
        return link;
    }
    return u32_min(link, path->mtu);
}

uint32_t ip4_path_mtu_answer(uint32_t mtu, uint32_t sent)
{
    for (unsigned i = 0; mtu == 0 && i < ARRAY_SIZE(plateaus); i++)
        if (plateaus[i] < sent)
            mtu = plateaus[i];
    /* It would have fitted: somebody makes this up. */
    if (mtu >= sent)
        return 0;
    /* Nobody makes us send crumbs. */
    return mtu < IP4_PATH_MTU_FLOOR ? IP4_PATH_MTU_FLOOR : mtu;
}

void ip4_path_mtu_update(struct netif *nif, uint32_t dst, uint32_t mtu, uint32_t sent, uint64_t now)
{
    struct netif_path_mtu *path;

    mtu = ip4_path_mtu_answer(mtu, sent);
    /* RFC 1191 section 3: an answer never widens the path. */
    if (mtu == 0 || mtu >= ip4_path_mtu(nif, dst, now))
        return;
    path = find(nif, dst);
    if (path == NULL && nif->path_mtu_count < NETIF_PATH_MTUS_MAX)
        path = &nif->path_mtus[nif->path_mtu_count++];
    if (path == NULL) {
        path = &nif->path_mtus[0];
        for (uint32_t i = 1; i < nif->path_mtu_count; i++)
            if (nif->path_mtus[i].expires_at < path->expires_at)
                path = &nif->path_mtus[i];
    }
    *path = (struct netif_path_mtu){
        .dst = dst, .mtu = (uint16_t)mtu, .expires_at = now + PATH_MTU_LIFE_NS};
    nif->stats.path_mtu_changes++;
}
