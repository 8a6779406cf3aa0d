/* SPDX-License-Identifier: ISC */
/* bytes.h - words that say how many bytes: "4096", "4K", "64M", "1G". */
#ifndef APPS_COMMON_BYTES_H
#define APPS_COMMON_BYTES_H

#include <morgana/args.h>

/* As args_get_u32: 1 where the key is there and good, 0 where it is absent, -E_INVAL where it is
 * bad, which was said. K, M and G (or k, m, g) stand for powers of 1024. */
int bytes_get(int argc, char *const *argv, const char *key, uint64_t min, uint64_t max,
              uint64_t *out);

#endif
