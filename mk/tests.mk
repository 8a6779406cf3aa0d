# Tests. A test program is a .c file of tests/unit, tests/prop or tests/sim; it links the whole library with the sanitizers,
# tests/support, and cmocka.

TEST_SUPPORT := $(sort $(wildcard tests/support/*.c))
TESTS := $(basename $(sort $(wildcard tests/unit/*.c tests/prop/*.c tests/sim/*.c)))
# Tests run on virtual time: tests/support supplies the platform, not platform/host.
TEST_LIBS = $(filter-out %platform-host.a,$(LIBS_$(1)))

CFLAGS_DIR_tests := -Itests/support -I.

define test_program
$$(BUILD)/$(1)/$(2): $$(call objects,$(1),$(2).c $$(TEST_SUPPORT)) $$(call TEST_LIBS,$(1))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(or $$(CC_$(1)),$$(CC)) $$(LDFLAGS_$(1)) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(call TEST_LIBS,$(1)) -Wl,--end-group -lcmocka
-include $$(patsubst %.o,%.d,$$(call objects,$(1),$(2).c $$(TEST_SUPPORT)))
endef
$(foreach v,san cov,$(foreach t,$(TESTS),$(eval $(call test_program,$(v),$(t)))))

TEST_PROGRAMS := $(addprefix $(BUILD)/san/,$(TESTS))

## test-unit: unit, property and simulation tests, sanitizers on
test-unit: $(TEST_PROGRAMS)
	$(Q)tools/run-tests $(TEST_PROGRAMS)

.PHONY: test-unit
