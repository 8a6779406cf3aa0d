# What every bare machine under Xen does alike: console, devices, events. Not in the Linux process.
boot-common-xenguest_DEPS := base cstruct evtchn xen netdev blkdev platform xenseam boot-common boot-common-xen boot-common-bare libxen libc
boot-common-xenguest_PREFIXES := bare_ plat_ start_ xenguest_
