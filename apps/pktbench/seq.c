/* SPDX-License-Identifier: ISC */
/* seq.c - see seq.h. */
#include "seq.h"

/* Far from 0, so that what comes before the first one has a number too. */
#define BASE (UINT64_C(1) << 40)

static bool test_and_set(struct seq *seq, uint64_t number)
{
    uint64_t *word = &seq->seen[number % SEQ_WINDOW / 64], bit = UINT64_C(1) << number % 64;
    bool was = (*word & bit) != 0;

    *word |= bit;
    return was;
}

/* `next` moves on to behind `number`: the bits of those between are of numbers long ago. */
static void move_on(struct seq *seq, uint64_t number)
{
    uint64_t gap = number - seq->next;

    if (gap >= SEQ_WINDOW)
        memset(seq->seen, 0, sizeof(seq->seen));
    for (uint64_t i = seq->next; gap < SEQ_WINDOW && i <= number; i++)
        seq->seen[i % SEQ_WINDOW / 64] &= ~(UINT64_C(1) << i % 64);
    seq->next = number + 1;
}

void seq_take(struct seq *seq, uint32_t number)
{
    uint64_t full;

    if (!seq->began) {
        seq->began = true;
        seq->first = seq->next = BASE + number;
    }
    full = seq->next + (uint64_t)(int64_t)(int32_t)(number - (uint32_t)seq->next);
    seq->received++;
    if (full >= seq->next) {
        move_on(seq, full);
        (void)test_and_set(seq, full);
        return;
    }
    if (seq->next - full <= SEQ_WINDOW && test_and_set(seq, full)) {
        seq->duplicates++;
        return;
    }
    seq->reordered++;
    if (full < seq->first)
        seq->first = full;
}

uint64_t seq_lost(const struct seq *seq)
{
    uint64_t came = seq->received - seq->duplicates, span = seq->next - seq->first;

    return span > came ? span - came : 0;
}
