# Hypercalls, grant tables, xenstore, xenbus, console ring, control/shutdown, memory/target.
xen_DEPS := base cstruct evtchn xenseam platform libxen
xen_PREFIXES := xen_ hypercall_ gnttab_ xs_ xenbus_ xencons_ xenctl_ balloon_
xen_HEADERS := gnttab.h xenstore.h xenbus.h xencons.h xenctl.h balloon.h
