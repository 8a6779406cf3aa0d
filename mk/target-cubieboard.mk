# The Cubieboard (Allwinner A10), without a hypervisor. Library and programs come from the same
# sources as everywhere; nothing of Xen's is compiled or linked. Each program becomes
#
#   build/cubieboard/apps/<app>.elf       for QEMU, or a debugger: it gets no command line
#   build/cubieboard/apps/<app>.bin       the same as memory has it: QEMU's -kernel, with -append
#   build/cubieboard/apps/<app>.uImage    for U-Boot's bootm
#   build/cubieboard/apps/<app>.elf.debug with symbols, for addr2line
#
# and boot.scr is what U-Boot runs from an SD card.

CROSS_cubieboard ?= arm-none-eabi-
CC_cubieboard = $(CROSS_cubieboard)gcc
DEPS_cubieboard := deps-build deps-board
LINK_ADDRESS_cubieboard := 0x40010000

SMALL_cubieboard := apps/% base/% boot/% dhcp/% cstruct/text.c cstruct/field.c \
	$(addprefix tcpip/,netif.c igmp.c icmp.c ip4_frag.c arp_conflict.c)
FAST_cubieboard := $(addprefix boot/cubieboard/,emac.c mmio.c timer.c wait.c) boot/armv7/mem.c \
	apps/common/sha256.c
is_small_cubieboard = $(filter-out $(FAST_cubieboard),$(filter $(SMALL_cubieboard),$<))
# CFLAGS_armv7, libs_armv7: mk/target-xen-arm32.mk. sbrk: there too; armv7_start before libgcc for
# the same reason: it brings boot/armv7/div0.c.
CFLAGS_cubieboard = $(if $(is_small_cubieboard),-Os -Wno-maybe-uninitialized,-O2) $(CFLAGS_armv7)
LDFLAGS_cubieboard := -nostdlib -static -Wl,-u,sbrk,-u,armv7_start -Wl,-T,boot/cubieboard/link.lds \
	-Wl,--gc-sections -Wl,-n -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments

# What of boot/xen-arm knows no Xen.
SHARED_ARM_cubieboard := $(addprefix boot/xen-arm/,memory.c entropy.c tree.c)
CUBIEBOARD_MODULES := $(APP_MODULES) base cstruct fs tcpip dhcp boot/common platform/blkdev
$(eval $(call variant,cubieboard))
$(eval $(call library,cubieboard,$(CUBIEBOARD_MODULES)))
$(eval $(call archive,cubieboard,boot-common-bare,$(sort $(wildcard boot/common/bare/*.c))))
$(eval $(call archive,cubieboard,boot-armv7,$(sort $(wildcard boot/armv7/*.[cS]))))
$(eval $(call archive,cubieboard,boot-arm,$(SHARED_ARM_cubieboard)))
$(eval $(call archive,cubieboard,boot-cubieboard,$(sort $(wildcard boot/cubieboard/*.[cS]))))
LIBS_cubieboard += $(foreach m,boot-common-bare boot-armv7 boot-arm boot-cubieboard,\
	$(BUILD)/cubieboard/lib/libmorgana-$(m).a)

# $(call cubieboard_image,apps/NAME or tests/NAME,NAME,sources)
define cubieboard_image
$$(BUILD)/cubieboard/$(1).elf.debug: $$(call objects,cubieboard,$(3)) \
		$$(BUILD)/cubieboard/$(1).name.o $$(LIBS_cubieboard) boot/cubieboard/link.lds
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC_cubieboard) $$(LDFLAGS_cubieboard) -o $$@ $$(filter %.o,$$^) \
		-Wl,--start-group $$(LIBS_cubieboard) $$(call libs_armv7,$$(CC_cubieboard)) -Wl,--end-group
$$(BUILD)/cubieboard/$(1).elf: $$(BUILD)/cubieboard/$(1).elf.debug
	$$(Q)$$(CROSS_cubieboard)objcopy --strip-all $$< $$@
$$(BUILD)/cubieboard/$(1).bin: $$(BUILD)/cubieboard/$(1).elf.debug
	$$(Q)$$(CROSS_cubieboard)objcopy -O binary $$< $$@
$$(BUILD)/cubieboard/$(1).uImage: $$(BUILD)/cubieboard/$(1).bin
	$$(Q)mkimage -A arm -O linux -T kernel -C none -a $$(LINK_ADDRESS_cubieboard) \
		-e $$(LINK_ADDRESS_cubieboard) -n 'Morgana $(2)' -d $$< $$@ >/dev/null
# The program's name, argv[0].
$$(BUILD)/cubieboard/$(1).name.o: $$(BUILD)/cubieboard/flags
	@mkdir -p $$(@D)
	$$(Q)echo 'extern const char boot_program_name[]; const char boot_program_name[] = "$(2)";' | \
		$$(CC_cubieboard) $$(CFLAGS_ALL) $$(CFLAGS_cubieboard) -c -x c -o $$@ -
-include $$(patsubst %.o,%.d,$$(call objects,cubieboard,$(3)))
endef

# Programs that run as guests and need nothing of Xen's.
BOARD_GUESTS := boot
$(foreach a,$(APPS),$(eval \
	$(call cubieboard_image,apps/$(a),$(a),$(sort $(wildcard apps/$(a)/*.c)))))
$(foreach t,$(BOARD_GUESTS),$(eval \
	$(call cubieboard_image,tests/$(t),$(t),$(sort $(wildcard tests/guest/$(t)/*.c)))))

$(BUILD)/cubieboard/boot.scr: boot/cubieboard/boot.cmd
	@mkdir -p $(@D)
	$(Q)mkimage -A arm -O linux -T script -C none -n Morgana -d $< $@ >/dev/null

## apps-cubieboard: every program for the Cubieboard, build/cubieboard/apps/<app>.{elf,bin,uImage}, and boot.scr
apps-cubieboard: $(foreach a,$(APPS),$(foreach x,elf bin uImage,$(BUILD)/cubieboard/apps/$(a).$(x))) \
	$(BUILD)/cubieboard/boot.scr

## test-board: the Cubieboard in QEMU, with real clients behind its Ethernet
test-board: deps-build deps-board deps-run apps-cubieboard \
		$(foreach t,$(BOARD_GUESTS),$(foreach x,bin uImage,$(BUILD)/cubieboard/tests/$(t).$(x)))
	$(Q)tools/check-symbols cubieboard
	$(Q)tests/board/fetch || echo "test-board: what needs that is skipped"
	$(Q)tests/board/run

run-cubieboard: deps-build deps-board deps-run apps-cubieboard
	$(Q)tests/board/run dhcp

.PHONY: apps-cubieboard test-board run-cubieboard
