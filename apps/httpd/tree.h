/* SPDX-License-Identifier: ISC */
/* tree.h - the files to serve: those of a FAT file system, by where they lie on the disk. */
#ifndef APPS_HTTPD_TREE_H
#define APPS_HTTPD_TREE_H

#include "apps/common/disk.h"

#include "site.h"

/* Fills *site with every file of the disk's file system but hidden ones. Memory is from malloc and
 * stays. What cannot be served is left out, and told in a warning: names that are too long, folders
 * that are too deep, files in too many pieces. 0, or an error, said. */
int tree_index(struct site *site, struct disk *disk);

#endif
