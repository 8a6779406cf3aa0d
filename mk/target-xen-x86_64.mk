# x86-64 guests of Xen: one image for type="pvh", for type="pv", and for GRUB in an HVM guest. The
# objects of the library come from the same sources as the host's; what differs is this list:
# boot/xen-x86_64 under the library instead of platform/sim and platform/host, and newlib for
# programs instead of the host's C library.

NEWLIB_xen-x86_64 := $(BUILD)/cache/newlib-x86_64
# No header of the machine that builds: the compiler's own, newlib's, and a folder with nothing but
# a link to Xen's.
INCLUDES_xen-x86_64 = -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
	-isystem $(BUILD)/xen-x86_64/include -isystem $(NEWLIB_xen-x86_64)/include
# Small where no packet comes by, fast elsewhere: a third less than -O2 everywhere.
SMALL_xen-x86_64 := apps/% base/% boot/% dhcp/% xen/x% cstruct/text.c cstruct/field.c \
	netfront/netfront.c netfront/netfront_xs.c $(addprefix tcpip/,netif.c igmp.c icmp.c ip4_frag.c \
	arp_conflict.c)
FAST_xen-x86_64 := $(addprefix boot/xen-x86_64/,clock.c hypercall.c mem.c wait.c) \
	apps/common/sha256.c
is_small_xen-x86_64 = $(filter-out $(FAST_xen-x86_64),$(filter $(SMALL_xen-x86_64),$<))
# gcc -Os inlines too little to see that a parser which returns true has filled its result; the same
# files are checked for that at -O2 (host) and by clang.
is_gcc := $(findstring gcc,$(CC))
OPTIMISE_SMALL := -Os $(if $(is_gcc),-Wno-maybe-uninitialized)
OPTIMISE_xen-x86_64 = $(if $(is_small_xen-x86_64),$(OPTIMISE_SMALL),-O2) \
	-falign-functions=4 $(if $(is_gcc),-falign-jumps=1 -falign-loops=1)
# Interrupts come only while we sleep and traps have a stack of their own, but a red zone is not
# worth relying on that.
CFLAGS_xen-x86_64 = $(OPTIMISE_xen-x86_64) -ffreestanding -fno-strict-aliasing -mno-red-zone \
	-mcmodel=small -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
	-Iinclude/arch/x86_64 -D_GNU_SOURCE $(INCLUDES_xen-x86_64)
# memcpy must not become a call of memcpy.
CFLAGS_FILE_boot/xen-x86_64/mem.c := -fno-builtin
# -n: segments need not be aligned in the file; Xen's loader copies them.
LDFLAGS_xen-x86_64 := -nostdlib -static -Wl,-T,boot/xen-x86_64/link.lds -Wl,--gc-sections \
	-Wl,-n -Wl,--build-id=none -Wl,-z,noexecstack

XEN_X86_64_MODULES := $(APP_MODULES) $(MODULES) boot/common boot/common/xen platform/blkdev
$(eval $(call variant,xen-x86_64))
$(eval $(call library,xen-x86_64,$(XEN_X86_64_MODULES)))
$(foreach m,bare xenguest,$(eval $(call archive,xen-x86_64,boot-common-$(m),$(sort $(wildcard boot/common/$(m)/*.c)))))
$(eval $(call archive,xen-x86_64,boot-xen-x86-64,$(sort $(wildcard boot/xen-x86_64/*.[cS]))))
LIBS_xen-x86_64 += $(BUILD)/xen-x86_64/lib/libmorgana-boot-common-bare.a \
	$(BUILD)/xen-x86_64/lib/libmorgana-boot-common-xenguest.a \
	$(BUILD)/xen-x86_64/lib/libmorgana-boot-xen-x86-64.a

$(BUILD)/xen-x86_64/flags: | $(NEWLIB_xen-x86_64)/stamp $(BUILD)/xen-x86_64/include/xen
$(NEWLIB_xen-x86_64)/stamp: tools/build-newlib
	$(Q)tools/build-newlib x86_64 && touch $@
$(BUILD)/xen-x86_64/include/xen:
	@mkdir -p $(@D)
	$(Q)ln -sfn /usr/include/xen $@

# $(call xen_x86_64_image,apps/NAME or tests/NAME,NAME,sources): build/xen-x86_64/apps/NAME.elf,
# stripped; NAME.elf.debug has everything, for addr2line.
define xen_x86_64_image
$$(BUILD)/xen-x86_64/$(1).elf.debug: $$(call objects,xen-x86_64,$(3)) \
		$$(BUILD)/xen-x86_64/$(1).name.o $$(LIBS_xen-x86_64) boot/xen-x86_64/link.lds
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS_xen-x86_64) -o $$@ $$(filter %.o,$$^) -Wl,--start-group \
		$$(LIBS_xen-x86_64) $$(NEWLIB_xen-x86_64)/lib/libc.a \
		$$(shell $$(CC) -print-libgcc-file-name) -Wl,--end-group
$$(BUILD)/xen-x86_64/$(1).elf: $$(BUILD)/xen-x86_64/$(1).elf.debug
	$$(Q)objcopy --strip-all $$< $$@
# The program's name, argv[0].
$$(BUILD)/xen-x86_64/$(1).name.o: $$(BUILD)/xen-x86_64/flags
	@mkdir -p $$(@D)
	$$(Q)echo 'extern const char boot_program_name[]; const char boot_program_name[] = "$(2)";' | \
		$$(CC) $$(CFLAGS_ALL) $$(CFLAGS_xen-x86_64) -c -x c -o $$@ -
-include $$(patsubst %.o,%.d,$$(call objects,xen-x86_64,$(3)))
endef

GUESTS := $(patsubst tests/guest/%/main.c,%,$(wildcard tests/guest/*/main.c))
GUEST_SUPPORT := $(sort $(wildcard tests/guest/*.c))
$(foreach a,$(APPS),$(eval \
	$(call xen_x86_64_image,apps/$(a),$(a),$(sort $(wildcard apps/$(a)/*.c)))))
$(foreach t,$(GUESTS),$(eval \
	$(call xen_x86_64_image,tests/$(t),$(t),$(sort $(wildcard tests/guest/$(t)/*.c)) \
		$(GUEST_SUPPORT))))

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
