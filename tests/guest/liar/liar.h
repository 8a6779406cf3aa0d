/* SPDX-License-Identifier: ISC */
/* liar.h - the devices whose backends lie: main.c's loop gives each a turn. */
#ifndef TESTS_GUEST_LIAR_H
#define TESTS_GUEST_LIAR_H

#include <morgana/base.h>

#define TICK_NS (4 * NS_PER_MS)
/* Before a device is opened again. */
#define PAUSE_NS (20 * NS_PER_MS)
/* A backend that left may come back: the device opens by itself then. Turns count, not time: the
 * other device may wait for its backend, and this one has had no turn then. */
#define DOWN_TICKS 750u

/* Its memory; the device itself is opened by the first turn. */
void vif_start(void);
/* True: something happened, go on. */
bool vif_turn(uint64_t now);
/* True: there is work. */
bool vif_arm(void);
/* When the next turn is due, though nothing happens. */
uint64_t vif_due(void);
/* Closes it, and says what it was. True: nothing is lost. */
bool vif_end(void);

void vbd_start(void);
bool vbd_turn(uint64_t now);
bool vbd_arm(void);
uint64_t vbd_due(void);
bool vbd_end(void);

#endif
