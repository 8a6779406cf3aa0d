# 32-bit ARM guests of Xen (ARMv7-A). As mk/target-xen-arm64.mk: boot/xen-arm, boot/xen-arm32 and
# boot/armv7 under the library, Debian's newlib for programs (its small form, "nano").

CROSS_xen-arm32 ?= arm-none-eabi-
CC_xen-arm32 = $(CROSS_xen-arm32)gcc
DEPS_xen-arm32 := deps-build deps-arm32
FAST_xen-arm32 := $(addprefix boot/xen-arm/,clock.c gic.c wait.c) boot/xen-arm32/cpu.c \
	boot/armv7/mem.c apps/common/sha256.c
is_small_xen-arm32 = $(filter-out $(FAST_xen-arm32),$(filter $(SMALL_xen-x86_64),$<))
# What every ARMv7-A target is compiled with. ARM state with frame pointers: backtraces follow r11.
# uint32_t is unsigned int, as everywhere else: this compiler's is unsigned long, which is the same
# but for printf's checks.
CFLAGS_armv7 := -mcpu=cortex-a8 -mfloat-abi=soft -marm -ffreestanding -fno-strict-aliasing -fno-pic \
	-fno-stack-protector -fno-omit-frame-pointer -fno-unwind-tables \
	-fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
	-U__UINT32_TYPE__ "-D__UINT32_TYPE__=unsigned int" -U__INT32_TYPE__ -D__INT32_TYPE__=int \
	-Iinclude/arch/arm -D_GNU_SOURCE --specs=nano.specs
# The C library and the compiler's own, of Debian's set for this CPU; they are Thumb code.
libs_armv7 = $(foreach f,libc_nano.a libgcc.a,$(shell $(1) -mcpu=cortex-a8 -mfloat-abi=soft -print-file-name=$(f)))
# The compiler has no headers of the machine that builds.
CFLAGS_xen-arm32 = $(if $(is_small_xen-arm32),-Os -Wno-maybe-uninitialized,-O2) $(CFLAGS_armv7) \
	-isystem $(BUILD)/xen-arm32/include
# Its functions must not become calls of themselves.
CFLAGS_FILE_boot/armv7/mem.c := -fno-builtin -fno-tree-loop-distribute-patterns
# Runs with the MMU off, where memory is a device: whole, aligned words, no calls of memcpy.
CFLAGS_FILE_boot/xen-arm32/early.c := -mno-unaligned-access -fno-tree-loop-distribute-patterns
# sbrk: boot/common/bare/newlib.c is there before the C library, which has all of its names too.
LDFLAGS_xen-arm32 := -nostdlib -static -Wl,-u,sbrk -Wl,-T,boot/xen-arm32/link.lds -Wl,--gc-sections -Wl,-n \
	-Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments

XEN_ARM32_MODULES := $(APP_MODULES) $(MODULES) boot/common boot/common/xen platform/blkdev
$(eval $(call variant,xen-arm32))
$(eval $(call library,xen-arm32,$(XEN_ARM32_MODULES)))
$(foreach m,bare xenguest,$(eval $(call archive,xen-arm32,boot-common-$(m),$(sort $(wildcard boot/common/$(m)/*.c)))))
$(foreach m,armv7 xen-arm xen-arm32,$(eval $(call archive,xen-arm32,boot-$(m),$(sort $(wildcard boot/$(m)/*.[cS])))))
LIBS_xen-arm32 += $(addprefix $(BUILD)/xen-arm32/lib/libmorgana-boot-,common-bare.a \
	common-xenguest.a armv7.a xen-arm.a xen-arm32.a)

$(BUILD)/xen-arm32/flags: | $(BUILD)/xen-arm32/include/xen
$(BUILD)/xen-arm32/include/xen:
	@mkdir -p $(@D)
	$(Q)ln -sfn /usr/include/xen $@

# $(call xen_arm32_image,apps/NAME or tests/NAME,NAME,sources): build/xen-arm32/apps/NAME.zImage;
# NAME.elf.debug is the ELF file with everything, for addr2line.
define xen_arm32_image
$$(BUILD)/xen-arm32/$(1).elf.debug: $$(call objects,xen-arm32,$(3)) \
		$$(BUILD)/xen-arm32/$(1).name.o $$(LIBS_xen-arm32) boot/xen-arm32/link.lds
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC_xen-arm32) $$(PLACE) $$(LDFLAGS_xen-arm32) -o $$@ $$(BUILD)/xen-arm32/obj/boot/xen-arm32/entry.o \
		$$(filter %.o,$$^) -Wl,--start-group $$(LIBS_xen-arm32) $$(call libs_armv7,$$(CC_xen-arm32)) \
		-Wl,--end-group
$$(BUILD)/xen-arm32/$(1).zImage: $$(BUILD)/xen-arm32/$(1).elf.debug
	$$(Q)$$(CROSS_xen-arm32)objcopy -O binary $$< $$@
# The program's name, argv[0].
$$(BUILD)/xen-arm32/$(1).name.o: $$(BUILD)/xen-arm32/flags
	@mkdir -p $$(@D)
	$$(Q)echo 'extern const char boot_program_name[]; const char boot_program_name[] = "$(2)";' | \
		$$(CC_xen-arm32) $$(CFLAGS_ALL) $$(CFLAGS_xen-arm32) -c -x c -o $$@ -
-include $$(patsubst %.o,%.d,$$(call objects,xen-arm32,$(3)))
endef

$(foreach a,$(APPS),$(eval \
	$(call xen_arm32_image,apps/$(a),$(a),$(sort $(wildcard apps/$(a)/*.c)))))
$(foreach t,$(GUESTS),$(eval \
	$(call xen_arm32_image,tests/$(t),$(t),$(sort $(wildcard tests/guest/$(t)/*.c)) \
		$(GUEST_SUPPORT))))

# How xl starts it.
$(BUILD)/xen-arm32/apps/%.xl: apps/%/app.conf tools/mkxl
	@mkdir -p $(@D)
	$(Q)tools/mkxl none $< $(BUILD)/xen-arm32/apps/$*.zImage >$@

## apps-xen-arm32: every program as a guest image of 32-bit ARM, build/xen-arm32/apps/<app>.zImage, and <app>.xl
apps-xen-arm32: $(foreach a,$(APPS),$(BUILD)/xen-arm32/apps/$(a).zImage) \
	$(patsubst apps/%/app.conf,$(BUILD)/xen-arm32/apps/%.xl,$(wildcard apps/*/app.conf))

# The boot test linked to where it is not loaded: the MMU has to make up for it, with addresses that
# wrap; and to where no MMU can; and larger than the memory that it is given.
$(foreach t,boot-moved boot-crooked boot-large,$(eval \
	$(call xen_arm32_image,tests/$(t),boot,$(sort $(wildcard tests/guest/boot/*.c)) $(GUEST_SUPPORT))))
$(BUILD)/xen-arm32/tests/boot-moved.elf.debug: PLACE := -Wl,--defsym,boot_link=0x00108000
$(BUILD)/xen-arm32/tests/boot-crooked.elf.debug: PLACE := -Wl,--defsym,boot_link=0x50009000
$(BUILD)/xen-arm32/tests/boot-large.elf.debug: PLACE := -Wl,--defsym,boot_more_bss=0x400000

## guests-xen-arm32: the test programs that run as guests, build/xen-arm32/tests/<test>.zImage
guests-xen-arm32: $(foreach t,$(GUESTS) boot-moved boot-crooked boot-large,$(BUILD)/xen-arm32/tests/$(t).zImage)

run-xen-arm32: deps-build deps-xen-arm apps-xen-arm32
	$(Q)tests/xen/run --arch arm64 --kind arm32 --demo dhcpd

.PHONY: apps-xen-arm32 guests-xen-arm32 run-xen-arm32
