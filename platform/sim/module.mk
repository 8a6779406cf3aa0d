# Xen inside one process: hypervisor, xenstore, netback.
platform-sim_DEPS := base cstruct evtchn xen
platform-sim_PREFIXES := sim_ xen_ virt_to_gfn
