# 32-bit ARM guests of Xen (ARMv7-A). As mk/target-xen-arm64.mk: boot/xen-arm, boot/xen-arm32 and
# boot/armv7 under the library, Debian's newlib for programs (its small form, "nano").
#
#   build/xen-arm32/apps/<app>.zImage
#   build/xen-arm32/apps/<app>.elf.debug  the ELF file with everything

DEBUG_xen-arm32 := elf.debug
CROSS_xen-arm32 ?= arm-none-eabi-
CC_xen-arm32 = $(CROSS_xen-arm32)gcc
DEPS_xen-arm32 := deps-build deps-arm32
# What every ARMv7-A target is compiled with. ARM state with frame pointers: backtraces follow r11.
# uint32_t is unsigned int, as everywhere else: this compiler's is unsigned long, which is the same
# but for printf's checks.
CFLAGS_armv7 := -mcpu=cortex-a8 -mfloat-abi=soft -marm -ffreestanding -fno-strict-aliasing -fno-pic \
	-fno-stack-protector -fno-omit-frame-pointer -fno-unwind-tables \
	-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
	-U__UINT32_TYPE__ "-D__UINT32_TYPE__=unsigned int" -U__INT32_TYPE__ -D__INT32_TYPE__=int \
	-Iinclude/arch/arm -D_GNU_SOURCE --specs=nano.specs
# sbrk: boot/common/bare/newlib.c is there before the C library, which has all of its names too.
LDFLAGS_armv7 := -nostdlib -static -Wl,-u,sbrk -Wl,--gc-sections -Wl,-n -Wl,--build-id=none \
	-Wl,-z,noexecstack -Wl,--no-warn-rwx-segments
# The C library and the compiler's own, of Debian's set for this CPU; they are Thumb code.
libs_armv7 = $(foreach f,libc_nano.a libgcc.a,\
	$(shell $(1) -mcpu=cortex-a8 -mfloat-abi=soft -print-file-name=$(f)))
# The compiler has no headers of the machine that builds.
$(eval $(call xen_headers,xen-arm32))
CFLAGS_xen-arm32 = $(OPTIMISE) $(CFLAGS_armv7) -isystem $(BUILD)/xen-arm32/include
# Runs with the MMU off, where memory is a device: whole, aligned words, no calls of memcpy.
CFLAGS_FILE_boot/xen-arm32/early.c := -mno-unaligned-access -fno-tree-loop-distribute-patterns
LDFLAGS_xen-arm32 := $(LDFLAGS_armv7)
CLIBS_xen-arm32 = $(call libs_armv7,$(CC_xen-arm32))

$(eval $(call variant,xen-arm32))
$(eval $(call library,xen-arm32,$(XEN_MODULES)))
$(eval $(call boot_archives,xen-arm32,common/bare common/xenguest arm armv7 xen-arm xen-arm32))
$(eval $(call images,xen-arm32,$(GUESTS),$(GUEST_SUPPORT)))

$(BUILD)/xen-arm32/%.zImage: $(BUILD)/xen-arm32/%.elf.debug
	$(Q)$(CROSS_xen-arm32)objcopy -O binary $< $@

# How xl starts it.
$(BUILD)/xen-arm32/apps/%.xl: apps/%/app.conf tools/mkxl
	@mkdir -p $(@D)
	$(Q)tools/mkxl none $< $(BUILD)/xen-arm32/apps/$*.zImage >$@

## apps-xen-arm32: every program as a guest image of 32-bit ARM, build/xen-arm32/apps/<app>.zImage, and <app>.xl
apps-xen-arm32: $(foreach a,$(APPS),$(BUILD)/xen-arm32/apps/$(a).zImage) \
	$(patsubst apps/%/app.conf,$(BUILD)/xen-arm32/apps/%.xl,$(wildcard apps/*/app.conf))

# The boot test linked to where it is not loaded: the MMU has to make up for it, with addresses that
# wrap; and to where no MMU can; and larger than the memory that it is given.
PLACED := boot-moved boot-crooked boot-large
$(foreach t,$(PLACED),$(eval $(call image,xen-arm32,tests/$(t),boot,\
	$(sort $(wildcard tests/guest/boot/*.c)) $(GUEST_SUPPORT))))
$(BUILD)/xen-arm32/tests/boot-moved.elf.debug: PLACE := -Wl,--defsym,boot_link=0x00108000
$(BUILD)/xen-arm32/tests/boot-crooked.elf.debug: PLACE := -Wl,--defsym,boot_link=0x50009000
$(BUILD)/xen-arm32/tests/boot-large.elf.debug: PLACE := -Wl,--defsym,boot_more_bss=0x400000

## guests-xen-arm32: the test programs that run as guests, build/xen-arm32/tests/<test>.zImage
guests-xen-arm32: $(foreach t,$(GUESTS) $(PLACED),$(BUILD)/xen-arm32/tests/$(t).zImage)

run-xen-arm32: deps-build deps-xen-arm apps-xen-arm32
	$(Q)tests/xen/run --arch arm64 --kind arm32 --demo dhcpd

.PHONY: apps-xen-arm32 guests-xen-arm32 run-xen-arm32
