# The Linux process: the library over the simulated Xen, with a TAP device behind the simulated netback.

ARCH_HOST := $(shell uname -m)
APPS := $(patsubst apps/%/main.c,%,$(wildcard apps/*/main.c))

# platform/ and apps/ use Linux and the C library; the library itself does not, whatever it is compiled for.
CFLAGS_COMMON_host := -Iinclude/arch/$(ARCH_HOST) -D_GNU_SOURCE -fno-strict-aliasing
CFLAGS_host := -O2 $(CFLAGS_COMMON_host)
CFLAGS_san := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer $(CFLAGS_COMMON_host)
CFLAGS_cov := -O0 --coverage $(CFLAGS_COMMON_host)
DEPS_san := deps-build deps-test
DEPS_cov := deps-build deps-test deps-coverage
# For platform/file; linked into a program only where that is.
LDLIBS_LINUX := -l:liburing.a
LDFLAGS_host :=
LDFLAGS_san := -fsanitize=address,undefined
LDFLAGS_cov := --coverage

HOST_MODULES := $(APP_MODULES) $(MODULES) $(TARGET_MODULES)

define host_variant
$(call variant,$(1))
$(call library,$(1),$(HOST_MODULES))
$(foreach a,$(APPS),$(eval $(call host_app,$(1),$(a))))
endef

# $(call host_app,VARIANT,APP)
define host_app
$$(BUILD)/$(1)/apps/$(2): $$(call objects,$(1),$$(sort $$(wildcard apps/$(2)/*.c))) $$(LIBS_$(1))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(or $$(CC_$(1)),$$(CC)) $$(LDFLAGS_$(1)) -Wl,--wrap=main -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(LIBS_$(1)) -Wl,--end-group $$(LDLIBS_LINUX)
-include $$(patsubst %.o,%.d,$$(call objects,$(1),$$(sort $$(wildcard apps/$(2)/*.c))))
endef

$(foreach v,host san cov,$(eval $(call host_variant,$(v))))

## apps-host: every program as a Linux process, build/host/apps/<app>
apps-host: $(addprefix $(BUILD)/host/apps/,$(APPS))

run-host: deps-run apps-host
	$(Q)tools/run-dhcpd

run-%:
	@echo "TARGET=$*: there are host, xen-x86_64, xen-arm64, xen-arm32, cubieboard" >&2; exit 1

.PHONY: apps-host run-host
