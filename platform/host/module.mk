# The Linux process.
platform-host_DEPS := base cstruct evtchn xen netfront platform-sim platform-netdev boot-common
platform-host_PREFIXES := plat_ host_ base_ main
