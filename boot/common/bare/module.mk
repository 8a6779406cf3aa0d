# What every bare machine does alike, with Xen under it or without: the last steps of its start and
# the program's end, entropy, the C library's needs.
boot-common-bare_DEPS := base cstruct netdev platform boot-common libc
boot-common-bare_PREFIXES := bare_ plat_ base_ entropy_ run_ mem strlen sbrk write read close fstat isatty lseek getpid kill gettimeofday times
