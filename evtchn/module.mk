# Event channels, 2-level and FIFO. Hypercalls through the one symbol of morgana/xen.h.
evtchn_DEPS := base cstruct
evtchn_PREFIXES := evtchn_
