# Xen's network frontend as a netdev.
netfront_DEPS := base cstruct evtchn xen netdev platform xenseam libxen
netfront_PREFIXES := netfront_
netfront_HEADERS := netfront.h
