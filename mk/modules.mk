# The library: one archive a module. Each folder's module.mk declares
#   <module>_DEPS      the modules whose headers it may include (tools/check-edges holds it to that)
#   <module>_PREFIXES  what its global symbols begin with (tools/check-symbols)
# Its sources are all the .c files of its folder.

MODULES := base cstruct evtchn xen netfront blkfront fs tcpip dhcp
# Modules of targets: what is under the library, or beside it.
TARGET_MODULES := boot/common boot/common/xen platform/sim platform/netdev platform/blkdev platform/tap platform/file platform/host
# Over the library: what programs share.
APP_MODULES := apps/common

include mk/interfaces.mk
include $(addsuffix /module.mk,$(APP_MODULES) $(MODULES) $(TARGET_MODULES))

module_name = $(subst /,-,$(1))
module_sources = $(sort $(wildcard $(1)/*.c $(addsuffix /*.c,$($(call module_name,$(1))_SUBDIRS))))

# $(call library,VARIANT,modules): archives of all these modules; LIBS_VARIANT lists them, users first
define library
$(foreach m,$(2),$(eval $(call archive,$(1),$(call module_name,$(m)),$(call module_sources,$(m)))))
$(eval LIBS_$(1) := $(foreach m,$(2),$(BUILD)/$(1)/lib/libmorgana-$(call module_name,$(m)).a))
endef
