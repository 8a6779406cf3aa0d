# Xen inside one process: hypervisor, xenstore, netback, blkback.
platform-sim_DEPS := base cstruct platform netdev xenseam libxen libc
platform-sim_PREFIXES := sim_ xen_ virt_to_gfn
