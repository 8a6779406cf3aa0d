# What every bare machine under Xen does alike: console, end, C library. Not in the Linux process.
boot-common-bare_DEPS := base cstruct evtchn xen netdev platform xenseam boot-common libxen libc
boot-common-bare_PREFIXES := bare_ plat_ base_ sbrk write read close fstat isatty lseek getpid kill gettimeofday times
