# The guest image of 64-bit ARM: entry, MMU, exceptions, system registers.
boot-xen-arm64_DEPS := base cstruct xenseam boot-common-bare boot-arm boot-xen-arm libxen
boot-xen-arm64_PREFIXES := arch_ boot_ tables_ trap_ xen_hypercall mem
