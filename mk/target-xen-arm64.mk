# 64-bit ARM guests of Xen. As mk/target-xen-x86_64.mk: boot/xen-arm and boot/xen-arm64 under the library, newlib for programs.
# The image is position-independent: it runs where it was loaded.

CROSS_xen-arm64 := aarch64-linux-gnu-
CC_xen-arm64 := $(CROSS_xen-arm64)gcc
DEPS_xen-arm64 := deps-build deps-arm64
NEWLIB_xen-arm64 := $(BUILD)/cache/newlib-aarch64
# No header of the machine that builds.
INCLUDES_xen-arm64 = -nostdinc -isystem $(shell $(CC_xen-arm64) -print-file-name=include) \
	-isystem $(BUILD)/xen-arm64/include -isystem $(NEWLIB_xen-arm64)/include
is_small_xen-arm64 = $(filter-out apps/common/sha256.c boot/xen-arm/clock.c boot/xen-arm/wait.c boot/xen-arm64/cpu.c \
	boot/xen-arm64/mem.c,$(filter $(SMALL_xen-x86_64),$<))
OPTIMISE_xen-arm64 = $(if $(is_small_xen-arm64),-Os -Wno-maybe-uninitialized,-O2)
# Atomic operations without the C library's help. Every symbol is our own: no table for others to replace them.
CFLAGS_xen-arm64 = $(OPTIMISE_xen-arm64) -ffreestanding -fno-strict-aliasing -march=armv8-a -mno-outline-atomics \
	-fpie -fvisibility=hidden -fno-stack-protector -fno-omit-frame-pointer -fno-asynchronous-unwind-tables \
	-ffunction-sections -fdata-sections -Iinclude/arch/aarch64 -D_GNU_SOURCE $(INCLUDES_xen-arm64)
# Runs with the MMU off, too, where memory is a device: whole, aligned words.
CFLAGS_FILE_boot/xen-arm64/mmu.c := -mstrict-align -mgeneral-regs-only
CFLAGS_FILE_boot/xen-arm64/tables.c := -mstrict-align -mgeneral-regs-only
CFLAGS_FILE_boot/xen-arm/memory.c = $(if $(findstring xen-arm64,$@),-mstrict-align -mgeneral-regs-only)
# memcpy must not become a call of memcpy.
CFLAGS_FILE_boot/xen-arm64/mem.c := -fno-builtin -fno-tree-loop-distribute-patterns
LDFLAGS_xen-arm64 := -nostdlib -static-pie -Wl,-T,boot/xen-arm64/link.lds -Wl,--gc-sections -Wl,-z,text \
	-Wl,--no-dynamic-linker -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments

XEN_ARM64_MODULES := $(APP_MODULES) $(MODULES) boot/common boot/common/xen platform/blkdev
$(eval $(call variant,xen-arm64))
$(eval $(call library,xen-arm64,$(XEN_ARM64_MODULES)))
$(foreach m,bare xenguest,$(eval $(call archive,xen-arm64,boot-common-$(m),$(sort $(wildcard boot/common/$(m)/*.c)))))
$(foreach m,xen-arm xen-arm64,$(eval $(call archive,xen-arm64,boot-$(m),$(sort $(wildcard boot/$(m)/*.[cS])))))
LIBS_xen-arm64 += $(addprefix $(BUILD)/xen-arm64/lib/libmorgana-boot-,common-bare.a common-xenguest.a xen-arm.a xen-arm64.a)

$(BUILD)/xen-arm64/flags: | $(NEWLIB_xen-arm64)/stamp $(BUILD)/xen-arm64/include/xen
$(NEWLIB_xen-arm64)/stamp: tools/build-newlib | deps-build deps-newlib deps-arm64
	$(Q)tools/build-newlib aarch64 && touch $@
$(BUILD)/xen-arm64/include/xen:
	@mkdir -p $(@D)
	$(Q)ln -sfn /usr/include/xen $@

# $(call xen_arm64_image,apps/NAME or tests/NAME,NAME,sources): build/xen-arm64/apps/NAME.img, as the boot protocol wants it;
# NAME.img.debug is the ELF file with everything, for addr2line.
define xen_arm64_image
$$(BUILD)/xen-arm64/$(1).img.debug: $$(call objects,xen-arm64,$(3)) \
		$$(BUILD)/xen-arm64/$(1).name.o $$(LIBS_xen-arm64) boot/xen-arm64/link.lds
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC_xen-arm64) $$(LDFLAGS_xen-arm64) -o $$@ $$(BUILD)/xen-arm64/obj/boot/xen-arm64/entry.o \
		$$(filter %.o,$$^) -Wl,--start-group $$(LIBS_xen-arm64) $$(NEWLIB_xen-arm64)/lib/libc.a \
		$$(shell $$(CC_xen-arm64) -print-libgcc-file-name) -Wl,--end-group
$$(BUILD)/xen-arm64/$(1).img: $$(BUILD)/xen-arm64/$(1).img.debug
	$$(Q)$$(CROSS_xen-arm64)objcopy -O binary $$< $$@
# The program's name, argv[0].
$$(BUILD)/xen-arm64/$(1).name.o: $$(BUILD)/xen-arm64/flags
	@mkdir -p $$(@D)
	$$(Q)echo 'extern const char boot_program_name[]; const char boot_program_name[] = "$(2)";' | \
		$$(CC_xen-arm64) $$(CFLAGS_ALL) $$(CFLAGS_xen-arm64) -c -x c -o $$@ -
-include $$(patsubst %.o,%.d,$$(call objects,xen-arm64,$(3)))
endef

$(foreach a,$(APPS),$(eval \
	$(call xen_arm64_image,apps/$(a),$(a),$(sort $(wildcard apps/$(a)/*.c)))))
$(foreach t,$(GUESTS),$(eval \
	$(call xen_arm64_image,tests/$(t),$(t),$(sort $(wildcard tests/guest/$(t)/*.c)) $(GUEST_SUPPORT))))

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
