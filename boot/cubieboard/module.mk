# The Cubieboard (Allwinner A10), with no hypervisor: start, serial console, timers, Ethernet, watchdog.
# Of boot/xen-arm it takes what knows no Xen: device tree, memory, entropy.
boot-cubieboard_DEPS := base cstruct netdev platform boot-common boot-common-bare boot-armv7 boot-xen-arm
boot-cubieboard_PREFIXES := boot_ bare_ plat_ arch_ atags_ axp209_ board calendar_ timer_ emac_ irq_ loader_ mmio_ netdev_init power_ uart_
