# Event channels, 2-level and FIFO. Hypercalls through the one symbol of morgana/xen.h.
evtchn_DEPS := base cstruct xenseam libxen xen-hypercall
evtchn_PREFIXES := evtchn_
evtchn_HEADERS := evtchn.h
