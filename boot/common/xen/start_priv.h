/* SPDX-License-Identifier: ISC */
/* start_priv.h - between the files of boot/common/xen. */
#ifndef BOOT_COMMON_XEN_START_PRIV_H
#define BOOT_COMMON_XEN_START_PRIV_H

#include <morgana/netfront.h>
#include <morgana/start.h>

/* words.c: the words of vm-data/cmdline, once xenstore works. 0, or -E_INVAL, said in one line. */
int start_words(struct start *start);

struct start_netfront {
    struct netfront_conf conf;
    bool tx_grants; /* conf.tx_grants is wanted */
};
/* netfront_words.c: fills in what netfront= says of every device, else leaves *out as it is. 0,
 * or -E_INVAL, said in one line. */
int start_netfront_words(const struct start *start, struct start_netfront *out);

/* sysrq.c: does what a letter of `xl sysrq` asks for, '\0' nothing; an unknown one is answered by
 * the list. May end the program. */
void start_sysrq(struct start *start, char letter);

/* suspend.c: carries out the order to suspend, and comes back in the new domain, or in this one. */
void start_suspend(void);

#endif
