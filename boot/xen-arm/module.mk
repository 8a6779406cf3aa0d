# What both ARM targets under Xen share: device tree, memory, interrupt controller, timer, clock, sleep.
boot-xen-arm_DEPS := base cstruct evtchn xen platform xenseam boot-common boot-common-bare boot-common-xen boot-common-xenguest libxen
boot-xen-arm_PREFIXES := arm_ bare_heap clock_ entropy_ frames_ gic_ memory_ plat_ tree_ wait_ without_xen xen_ virt_to_gfn
