# tests/pkt: a runner for packetdrill-syntax scripts over the stack in virtual time, and its scripts.
PKT_SOURCES := $(filter-out tests/pkt/pktrun.c,$(sort $(wildcard tests/pkt/*.c))) tests/support/vplat.c
PKT_UNIT := $(basename $(sort $(wildcard tests/pkt/unit/*.c)))

$(foreach v,host san cov,$(eval $(call linked,$(v),tests/pkt/pktrun,tests/pkt/pktrun.c $(PKT_SOURCES),-lm)))
$(foreach v,san cov,$(foreach t,$(PKT_UNIT),$(eval $(call linked,$(v),$(t),$(t).c $(PKT_SOURCES),-lcmocka -lm))))

## test-pkt: the packet scripts of tests/pkt/scripts over the stack in virtual time; the runner's own tests
test-pkt: deps-build deps-test $(BUILD)/san/tests/pkt/pktrun $(addprefix $(BUILD)/san/,$(PKT_UNIT))
	$(Q)tests/pkt/run $(BUILD)/san/tests/pkt/pktrun $(addprefix $(BUILD)/san/,$(PKT_UNIT))
.PHONY: test-pkt
