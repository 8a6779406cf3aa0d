# x86-64 guests of Xen: one image for type="pvh", for type="pv", and for GRUB in an HVM guest. The
# objects of the library come from the same sources as the host's; what differs is this list:
# boot/xen-x86_64 under the library instead of platform/sim and platform/host, and newlib for
# programs instead of the host's C library.
#
#   build/xen-x86_64/apps/<app>.elf        stripped
#   build/xen-x86_64/apps/<app>.elf.debug  with everything

DEBUG_xen-x86_64 := elf.debug
$(eval $(call newlib,xen-x86_64,x86_64))
$(eval $(call xen_headers,xen-x86_64))
# Interrupts come only while we sleep and traps have a stack of their own, but a red zone is not
# worth relying on that.
CFLAGS_xen-x86_64 = $(OPTIMISE) -falign-functions=4 $(if $(is_clang),,-falign-jumps=1 -falign-loops=1) \
	-ffreestanding -fno-strict-aliasing -mno-red-zone \
	-mcmodel=small -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
	-Iinclude/arch/x86_64 -D_GNU_SOURCE $(INCLUDES_xen-x86_64)
# -n: segments need not be aligned in the file; Xen's loader copies them.
LDFLAGS_xen-x86_64 := -nostdlib -static -Wl,--gc-sections -Wl,-n -Wl,--build-id=none \
	-Wl,-z,noexecstack

$(eval $(call variant,xen-x86_64))
$(eval $(call library,xen-x86_64,$(XEN_MODULES)))
$(eval $(call boot_archives,xen-x86_64,common/bare common/xenguest xen-x86_64))
$(eval $(call images,xen-x86_64,$(GUESTS),$(GUEST_SUPPORT)))

$(BUILD)/xen-x86_64/%.elf: $(BUILD)/xen-x86_64/%.elf.debug
	$(Q)objcopy --strip-all $< $@

# How xl starts it.
$(BUILD)/xen-x86_64/apps/%.xl: apps/%/app.conf tools/mkxl
	@mkdir -p $(@D)
	$(Q)tools/mkxl pvh $< $(BUILD)/xen-x86_64/apps/$*.elf >$@

## apps-xen-x86_64: every program as a guest image, build/xen-x86_64/apps/<app>.elf, and <app>.xl
apps-xen-x86_64: $(foreach a,$(APPS),$(BUILD)/xen-x86_64/apps/$(a).elf) \
	$(patsubst apps/%/app.conf,$(BUILD)/xen-x86_64/apps/%.xl,$(wildcard apps/*/app.conf))

## guests-xen-x86_64: the test programs that run as guests, build/xen-x86_64/tests/<test>.elf
guests-xen-x86_64: $(foreach t,$(GUESTS),$(BUILD)/xen-x86_64/tests/$(t).elf)

run-xen-x86_64: deps-build deps-xen apps-xen-x86_64
	$(Q)tests/xen/run --demo dhcpd

.PHONY: apps-xen-x86_64 guests-xen-x86_64 run-xen-x86_64
