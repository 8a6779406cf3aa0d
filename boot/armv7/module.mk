# What every ARMv7-A machine needs, under Xen or bare: start, MMU, caches, traps, memory functions.
boot-armv7_DEPS := base boot-common-bare cstruct
boot-armv7_PREFIXES := armv7_ boot_stack mem
