# The Linux process.
platform-host_DEPS := base cstruct evtchn xen netfront netdev platform xenseam platform-sim platform-netdev platform-tap platform-file blkdev boot-common boot-common-xen libxen libc
platform-host_PREFIXES := plat_ host_ base_ start_turn main
