# What every Xen guest starts with, the Linux process over the simulated Xen too: bring-up, the operator's requests, vifs, vbds.
boot-common-xen_DEPS := base cstruct evtchn xen netfront netdev blkfront blkdev platform xenseam boot-common libxen libc
boot-common-xen_PREFIXES := plat_ start_
boot-common-xen_HEADERS := start.h
