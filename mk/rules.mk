# How things are compiled. A variant is a way to build everything once: host, san (sanitizers), cov, xen-x86_64, ...
# variant V has CFLAGS_V; its objects lie in build/V/obj, its archives in build/V/lib.

Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-7s %s\n' $(1) $(2))

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Werror -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
CFLAGS_ALL := -std=c11 -g $(WARNINGS) -fno-common -Iinclude -iquote . -MMD -MP

# $(call variant,NAME): compile rules of a variant
define variant
$$(BUILD)/$(1)/obj/%.o: %.c $$(BUILD)/$(1)/flags
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(or $$(CC_$(1)),$$(CC)) $$(CFLAGS_ALL) $$(CFLAGS_$(1)) $$(CFLAGS_DIR_$$(firstword $$(subst /, ,$$<))) $$(CFLAGS_FILE_$$<) -c -o $$@ $$<
$$(BUILD)/$(1)/obj/%.o: %.S $$(BUILD)/$(1)/flags
	$$(call say,AS,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(or $$(CC_$(1)),$$(CC)) -g -Iinclude -MMD -MP $$(CFLAGS_$(1)) -c -o $$@ $$<
# Rebuilt when the flags change. Nothing is compiled before the Debian packages of DEPS_variant are there.
$$(BUILD)/$(1)/flags: FORCE | $(or $(DEPS_$(1)),deps-build)
	@mkdir -p $$(@D)
	@echo '$$(or $$(CC_$(1)),$$(CC)) $$(CFLAGS_ALL) $$(CFLAGS_$(1))' | cmp -s - $$@ || echo '$$(or $$(CC_$(1)),$$(CC)) $$(CFLAGS_ALL) $$(CFLAGS_$(1))' > $$@
VARIANTS += $(1)
endef

# $(call objects,VARIANT,sources)
objects = $(addprefix $(BUILD)/$(1)/obj/,$(addsuffix .o,$(basename $(2))))

# $(call archive,VARIANT,NAME,sources): build/VARIANT/lib/libmorgana-NAME.a
define archive
$$(BUILD)/$(1)/lib/libmorgana-$(2).a: $$(call objects,$(1),$(3))
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^
-include $$(patsubst %.o,%.d,$$(call objects,$(1),$(3)))
endef

FORCE:
.PHONY: FORCE
