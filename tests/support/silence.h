/* SPDX-License-Identifier: ISC */
/* silence.h - a simulated xenstored that leaves one request of the guest's without an answer. */
#ifndef TESTS_SILENCE_H
#define TESTS_SILENCE_H

#include <morgana/xenstore.h>

/* After n more requests of xs the next one has no answer. Keeps xs. */
void silence_after(const struct xs *xs, uint64_t n);
/* Each time the guest waits: begins the silence, or ends it, when it is time. */
void silence_turn(void);
/* It answers again. */
void silence_end(void);

#endif
