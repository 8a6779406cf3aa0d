# The guest image of 32-bit ARM: a zImage's entry, mapping, system registers.
boot-xen-arm32_DEPS := base cstruct xenseam boot-arm boot-armv7 boot-xen-arm libxen
boot-xen-arm32_PREFIXES := arch_ boot_ xen_hypercall
