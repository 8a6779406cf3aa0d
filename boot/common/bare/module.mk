# What every bare machine does alike, with Xen under it or without: the program's end, the C library's needs.
boot-common-bare_DEPS := base cstruct netdev platform boot-common libc
boot-common-bare_PREFIXES := bare_ plat_ base_ mem strlen sbrk write read close fstat isatty lseek getpid kill gettimeofday times
