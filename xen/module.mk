# Hypercalls, grant tables, xenstore, xenbus, console ring, control/shutdown.
xen_DEPS := base cstruct evtchn
xen_PREFIXES := xen_ hypercall_ gnttab_ xs_ xenbus_ xencons_ xenctl_
