# The Cubieboard (Allwinner A10), without a hypervisor. Library and programs come from the same
# sources as everywhere; nothing of Xen's is compiled or linked. Each program becomes
#
#   build/cubieboard/apps/<app>.elf       for QEMU, or a debugger: it gets no command line
#   build/cubieboard/apps/<app>.bin       the same as memory has it: QEMU's -kernel, with -append
#   build/cubieboard/apps/<app>.uImage    for U-Boot's bootm
#   build/cubieboard/apps/<app>.elf.debug with symbols, for addr2line
#
# and boot.scr is what U-Boot runs from an SD card.

DEBUG_cubieboard := elf.debug
CROSS_cubieboard ?= arm-none-eabi-
CC_cubieboard = $(CROSS_cubieboard)gcc
DEPS_cubieboard := deps-build deps-board
LINK_ADDRESS_cubieboard := 0x40010000

# What is armv7's: mk/target-xen-arm32.mk. armv7_start before libgcc: it brings boot/armv7/div0.c.
CFLAGS_cubieboard = $(OPTIMISE) $(CFLAGS_armv7)
LDFLAGS_cubieboard := $(LDFLAGS_armv7) -Wl,-u,armv7_start
CLIBS_cubieboard = $(call libs_armv7,$(CC_cubieboard))

CUBIEBOARD_MODULES := $(APP_MODULES) base cstruct fs tcpip dhcp boot/common platform/blkdev
# Programs that run as guests and need nothing of Xen's.
BOARD_GUESTS := boot
$(eval $(call variant,cubieboard))
$(eval $(call library,cubieboard,$(CUBIEBOARD_MODULES)))
$(eval $(call boot_archives,cubieboard,common/bare arm armv7 cubieboard))
$(eval $(call images,cubieboard,$(BOARD_GUESTS),))

$(BUILD)/cubieboard/%.elf: $(BUILD)/cubieboard/%.elf.debug
	$(Q)$(CROSS_cubieboard)objcopy --strip-all $< $@
$(BUILD)/cubieboard/%.bin: $(BUILD)/cubieboard/%.elf.debug
	$(Q)$(CROSS_cubieboard)objcopy -O binary $< $@
$(BUILD)/cubieboard/%.uImage: $(BUILD)/cubieboard/%.bin
	$(Q)mkimage -A arm -O linux -T kernel -C none -a $(LINK_ADDRESS_cubieboard) \
		-e $(LINK_ADDRESS_cubieboard) -n 'Morgana $(*F)' -d $< $@ >/dev/null

$(BUILD)/cubieboard/boot.scr: boot/cubieboard/boot.cmd
	@mkdir -p $(@D)
	$(Q)mkimage -A arm -O linux -T script -C none -n Morgana -d $< $@ >/dev/null

## apps-cubieboard: every program for the Cubieboard, build/cubieboard/apps/<app>.{elf,bin,uImage}, and boot.scr
apps-cubieboard: $(foreach x,elf bin uImage,$(APPS:%=$(BUILD)/cubieboard/apps/%.$(x))) \
	$(BUILD)/cubieboard/boot.scr

## guests-cubieboard: the test programs that run on the board, build/cubieboard/tests/<test>.{bin,uImage}
guests-cubieboard: $(foreach t,$(BOARD_GUESTS),$(foreach x,bin uImage,$(BUILD)/cubieboard/tests/$(t).$(x)))

## test-board: the Cubieboard in QEMU, with real clients behind its Ethernet
test-board: deps-build deps-board deps-run apps-cubieboard guests-cubieboard
	$(Q)tools/check-symbols cubieboard
	$(Q)tests/board/fetch || echo "test-board: what needs that is skipped"
	$(Q)tests/board/run

run-cubieboard: deps-build deps-board deps-run apps-cubieboard
	$(Q)tests/board/run dhcp

.PHONY: apps-cubieboard guests-cubieboard test-board run-cubieboard
