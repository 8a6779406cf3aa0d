# 64-bit ARM guests of Xen. As mk/target-xen-x86_64.mk: boot/xen-arm and boot/xen-arm64 under the
# library, newlib for programs. The image is position-independent: it runs where it was loaded.
#
#   build/xen-arm64/apps/<app>.img        as the boot protocol wants it
#   build/xen-arm64/apps/<app>.img.debug  the ELF file with everything

DEBUG_xen-arm64 := img.debug
CROSS_xen-arm64 := aarch64-linux-gnu-
CC_xen-arm64 := $(CROSS_xen-arm64)gcc
DEPS_xen-arm64 := deps-build deps-arm64
$(eval $(call newlib,xen-arm64,aarch64))
$(NEWLIB_xen-arm64)/stamp: | deps-arm64
$(eval $(call xen_headers,xen-arm64))
# Atomic operations without the C library's help. Every symbol is our own: no table for others to
# replace them.
CFLAGS_xen-arm64 = $(OPTIMISE) -ffreestanding -fno-strict-aliasing -march=armv8-a \
	-mno-outline-atomics -fpie -fvisibility=hidden -fno-stack-protector -fno-omit-frame-pointer \
	-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
	-Iinclude/arch/aarch64 -D_GNU_SOURCE $(INCLUDES_xen-arm64)
# Runs with the MMU off, too, where memory is a device: whole, aligned words.
CFLAGS_MMU_OFF := -mstrict-align -mgeneral-regs-only
CFLAGS_FILE_boot/xen-arm64/mmu.c := $(CFLAGS_MMU_OFF)
CFLAGS_FILE_boot/xen-arm64/tables.c := $(CFLAGS_MMU_OFF)
CFLAGS_FILE_boot/arm/memory.c = $(if $(findstring xen-arm64,$@),$(CFLAGS_MMU_OFF))
LDFLAGS_xen-arm64 := -nostdlib -static-pie -Wl,--gc-sections -Wl,-z,text \
	-Wl,--no-dynamic-linker -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments

$(eval $(call variant,xen-arm64))
$(eval $(call library,xen-arm64,$(XEN_MODULES)))
$(eval $(call boot_archives,xen-arm64,common/bare common/xenguest arm xen-arm xen-arm64))
$(eval $(call images,xen-arm64,$(GUESTS),$(GUEST_SUPPORT)))

$(BUILD)/xen-arm64/%.img: $(BUILD)/xen-arm64/%.img.debug
	$(Q)$(CROSS_xen-arm64)objcopy -O binary $< $@

# How xl starts it.
$(BUILD)/xen-arm64/apps/%.xl: apps/%/app.conf tools/mkxl
	@mkdir -p $(@D)
	$(Q)tools/mkxl none $< $(BUILD)/xen-arm64/apps/$*.img >$@

## apps-xen-arm64: every program as a guest image of 64-bit ARM, build/xen-arm64/apps/<app>.img, and <app>.xl
apps-xen-arm64: $(foreach a,$(APPS),$(BUILD)/xen-arm64/apps/$(a).img) \
	$(patsubst apps/%/app.conf,$(BUILD)/xen-arm64/apps/%.xl,$(wildcard apps/*/app.conf))

## guests-xen-arm64: the test programs that run as guests, build/xen-arm64/tests/<test>.img
guests-xen-arm64: $(foreach t,$(GUESTS),$(BUILD)/xen-arm64/tests/$(t).img)

run-xen-arm64: deps-build deps-xen-arm apps-xen-arm64
	$(Q)tests/xen/run --arch arm64 --kind arm64 --demo dhcpd

.PHONY: apps-xen-arm64 guests-xen-arm64 run-xen-arm64
