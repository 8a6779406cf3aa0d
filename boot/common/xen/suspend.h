/* SPDX-License-Identifier: ISC */
/* suspend.h - between request.c, which takes the order, and suspend.c. */
#ifndef BOOT_COMMON_XEN_SUSPEND_H
#define BOOT_COMMON_XEN_SUSPEND_H

/* Carries out the order to suspend, and comes back in the new domain, or in this one. */
void start_suspend(void);

#endif
