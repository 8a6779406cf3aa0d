# The guest image of x86-64: entry, memory, traps, clock, sleep.
boot-xen-x86-64_DEPS := base cstruct evtchn xen platform xenseam boot-common boot-common-bare boot-common-xen boot-common-xenguest libxen
boot-xen-x86-64_PREFIXES := boot_ bare_heap clock_ cpu_ frames_ hypercall_detect hypercall_use_syscall memory_ multiboot_ plat_ pv_ pvh_ timer_ trap_ wait_ suspend_machine xen_ virt_to_gfn mem
