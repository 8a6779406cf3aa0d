# The Cubieboard (Allwinner A10), with no hypervisor: start, serial console, timers, Ethernet,
# SD card, watchdog.
boot-cubieboard_DEPS := base cstruct netdev blkdev platform boot-common boot-common-bare boot-arm boot-armv7
boot-cubieboard_PREFIXES := boot_ bare_ plat_ arch_ atags_ axp209_ board calendar_ timer_ emac_ irq_ loader_ mmio_ netdev_init blkdev_ power_ sdhost_ sdcard_ uart_
