/* SPDX-License-Identifier: ISC */
/* world_priv.h - between world.c and world_gso.c. */
#ifndef PKT_WORLD_PRIV_H
#define PKT_WORLD_PRIV_H

#include "world.h"

/* A whole frame leaves. */
void world_transmit(struct world *world, const uint8_t *frame, size_t len);
/* A checksum of which only the pseudo-header's part is there. */
void world_complete(uint8_t *frame, size_t len, uint32_t start, uint32_t off);
/* A super-segment leaves as what it stands for. */
void world_cut(struct world *world, const uint8_t *frame, size_t len, uint32_t gso_size);

#endif
