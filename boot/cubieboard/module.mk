# The Cubieboard (Allwinner A10), with no hypervisor: start, serial console, timers, Ethernet,
# watchdog.
boot-cubieboard_DEPS := base cstruct netdev platform boot-common boot-common-bare boot-arm boot-armv7
boot-cubieboard_PREFIXES := boot_ bare_ plat_ arch_ atags_ axp209_ board calendar_ timer_ emac_ irq_ loader_ mmio_ netdev_init power_ uart_
