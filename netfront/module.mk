# Xen's network frontend as a netdev.
netfront_DEPS := base cstruct evtchn xen
netfront_PREFIXES := netfront_
