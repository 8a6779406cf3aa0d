# What every ARM machine without an operating system shares, under Xen or not: what the device tree
# says, who gets which page.
boot-arm_DEPS := base cstruct boot-common boot-common-bare
boot-arm_PREFIXES := memory_ tree_ bare_heap
