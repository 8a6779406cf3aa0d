/* SPDX-License-Identifier: ISC */
/* hostile_blk_priv.h - what the two files of the hostile blkback share. */
#ifndef PLATFORM_SIM_HOSTILE_BLK_PRIV_H
#define PLATFORM_SIM_HOSTILE_BLK_PRIV_H

#include "blkback.h"
#include "hostile_blk.h"
#include "hostile_priv.h"

/* hostile_blk_xs.c; true: there was somebody to lie to. */
bool sim_lie_blk_event_storm(struct sim_vbd *vbd);
bool sim_lie_blk_event_strange(struct sim_vbd *vbd);
bool sim_lie_blk_event_lost(struct sim_vbd *vbd);
bool sim_lie_blk_event_closed(struct sim_vbd *vbd);
bool sim_lie_blk_state_jump(struct sim_vbd *vbd);
bool sim_lie_blk_state_garbage(struct sim_vbd *vbd);
bool sim_lie_blk_key_device(struct sim_vbd *vbd);
bool sim_lie_blk_key_limits(struct sim_vbd *vbd);
bool sim_lie_blk_key_backend(struct sim_vbd *vbd);
bool sim_lie_blk_directory_gone(struct sim_vbd *vbd);
bool sim_lie_blk_stuck(struct sim_vbd *vbd);
bool sim_lie_blk_unstuck(struct sim_vbd *vbd);
bool sim_lie_blk_late(struct sim_vbd *vbd);
bool sim_lie_blk_reconnect(struct sim_vbd *vbd);
bool sim_lie_blk_vanish(struct sim_vbd *vbd);

#endif
