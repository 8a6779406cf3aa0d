# Images for machines without an operating system: what all targets but the Linux process have in
# common. Target T says, in mk/target-T.mk:
#
#   DEBUG_T    what the ELF file with everything is called: NAME.DEBUG_T
#   CLIBS_T    the C library, and the compiler's own
#   LDFLAGS_T, and boot/T/link.lds

# $(call image,TARGET,apps/NAME or tests/NAME,NAME,sources): build/TARGET/apps/NAME.DEBUG, an ELF file
# with symbols, for addr2line; what is loaded is made of that. PLACE: further flags of one image.
# memcmp: boot/common/bare/mem.c is there before the C library, which has its functions too.
define image
$$(BUILD)/$(1)/$(2).$(DEBUG_$(1)): $$(call objects,$(1),$(4)) $$(BUILD)/$(1)/$(2).name.o \
		$$(LIBS_$(1)) boot/$(1)/link.lds
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(or $$(CC_$(1)),$$(CC)) $$(PLACE) $$(LDFLAGS_$(1)) -Wl,-u,memcmp \
		-Wl,-T,boot/$(1)/link.lds -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(LIBS_$(1)) $$(CLIBS_$(1)) -Wl,--end-group
# The program's name, argv[0].
$$(BUILD)/$(1)/$(2).name.o: $$(BUILD)/$(1)/flags
	@mkdir -p $$(@D)
	$$(Q)echo 'extern const char boot_program_name[]; const char boot_program_name[] = "$(3)";' | \
		$$(or $$(CC_$(1)),$$(CC)) $$(CFLAGS_ALL) $$(CFLAGS_$(1)) -c -x c -o $$@ -
-include $$(patsubst %.o,%.d,$$(call objects,$(1),$(4)))
endef

# $(call images,TARGET,tests,support): one for each program, and for each of the tests that run as
# guests (tests/guest), these with the sources `support`
define images
$(foreach a,$(APPS),$(eval \
	$(call image,$(1),apps/$(a),$(a),$(sort $(wildcard apps/$(a)/*.c)))))
$(foreach t,$(2),$(eval \
	$(call image,$(1),tests/$(t),$(t),$(sort $(wildcard tests/guest/$(t)/*.c)) $(3))))
endef

# $(call boot_archives,TARGET,folders): an archive of each of these folders of boot/, under all else
define boot_archives
$(foreach f,$(2),$(eval $(call archive,$(1),boot-$(call archive_name,$(f)),\
	$(sort $(wildcard boot/$(f)/*.[cS])))))
$(eval LIBS_$(1) += $(foreach f,$(2),\
	$(BUILD)/$(1)/lib/libmorgana-boot-$(call archive_name,$(f)).a))
endef
archive_name = $(subst _,-,$(subst /,-,$(1)))

# $(call newlib,TARGET,ARCHITECTURE): compiled against a newlib of our own, which tools/build-newlib
# makes, and Xen's headers; no header of the machine that builds
define newlib
NEWLIB_$(1) := $(BUILD)/cache/newlib-$(2)
INCLUDES_$(1) = -nostdinc -isystem $$(shell $$(or $$(CC_$(1)),$$(CC)) -print-file-name=include) \
	-isystem $(BUILD)/$(1)/include -isystem $$(NEWLIB_$(1))/include
CLIBS_$(1) = $$(NEWLIB_$(1))/lib/libc.a $$(shell $$(or $$(CC_$(1)),$$(CC)) -print-libgcc-file-name)
$(BUILD)/$(1)/flags: | $(BUILD)/cache/newlib-$(2)/stamp
$(BUILD)/cache/newlib-$(2)/stamp: tools/build-newlib | deps-build deps-newlib
	$$(Q)tools/build-newlib $(2) && touch $$@
endef

# $(call xen_headers,TARGET): a folder with nothing but a link to Xen's
define xen_headers
$(BUILD)/$(1)/flags: | $(BUILD)/$(1)/include/xen
$(BUILD)/$(1)/include/xen:
	@mkdir -p $$(@D)
	$$(Q)ln -sfn /usr/include/xen $$@
endef

# Only for x86-64 is there a choice of compilers.
is_clang = $(and $(findstring xen-x86_64,$@),$(findstring clang,$(CC)))

# The functions that the compiler itself may call must not become calls of themselves.
MEM_SOURCES := $(addsuffix /mem.c,$(addprefix boot/,common/bare armv7 xen-arm64 xen-x86_64))
CFLAGS_MEM = -fno-builtin $(if $(is_clang),,-fno-tree-loop-distribute-patterns)
$(foreach f,$(MEM_SOURCES),$(eval CFLAGS_FILE_$(f) = $$(CFLAGS_MEM)))

# Small where no packet comes by, fast elsewhere: a third less than -O2 everywhere.
SMALL := apps/% base/% boot/% dhcp/% xen/x% cstruct/text.c cstruct/field.c netfront/netfront.c \
	netfront/netfront_xs.c $(addprefix tcpip/,netif.c igmp.c icmp.c ip4_frag.c arp_conflict.c)
FAST := $(MEM_SOURCES) apps/common/sha256.c \
	$(addprefix boot/xen-x86_64/,clock.c hypercall.c wait.c) \
	$(addprefix boot/xen-arm/,clock.c wait.c) boot/xen-arm32/cpu.c boot/xen-arm64/cpu.c \
	$(addprefix boot/cubieboard/,emac.c mmio.c sdcard.c sdhost.c timer.c wait.c)
# gcc -Os inlines too little to see that a parser which returns true has filled its result; the same
# files are checked for that at -O2 (host) and by clang.
OPTIMISE = $(if $(filter-out $(FAST),$(filter $(SMALL),$<)),\
	-Os $(if $(is_clang),,-Wno-maybe-uninitialized),-O2)

# The Xen images: the library is the host's, with boot/ under it instead of platform/.
XEN_MODULES := $(APP_MODULES) $(MODULES) boot/common boot/common/xen platform/blkdev
GUESTS := $(patsubst tests/guest/%/main.c,%,$(wildcard tests/guest/*/main.c))
GUEST_SUPPORT := $(sort $(wildcard tests/guest/*.c))
