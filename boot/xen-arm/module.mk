# What both ARM targets under Xen share: interrupt controller, timer, clock, frames, sleep.
boot-xen-arm_DEPS := base cstruct evtchn xen platform xenseam boot-common boot-common-bare boot-common-xen boot-common-xenguest boot-arm libxen
boot-xen-arm_PREFIXES := arm_ clock_ frames_ gic_ plat_ wait_ without_xen xen_ virt_to_gfn
