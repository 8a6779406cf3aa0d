# Tests. A test program is a .c file of tests/unit, tests/prop or tests/sim; it links the whole library with the sanitizers,
# tests/support, and cmocka. A fuzz target is a .c file of tests/fuzz: replayed over its corpus by `make test`, run by `make fuzz`.

TEST_SUPPORT := $(sort $(wildcard tests/support/*.c))
# What one test wants beside these.
TEST_SUPPORT_tests/sim/sim_netfront_hostile := tests/netfront/peer.c tests/netfront/hostile.c
TESTS := $(basename $(sort $(wildcard tests/unit/*.c tests/prop/*.c tests/sim/*.c)))
FUZZERS := $(basename $(sort $(wildcard tests/fuzz/fuzz_*.c)))
# Tests run on virtual time: tests/support supplies the platform, not platform/host.
TEST_LIBS = $(filter-out %platform-host.a,$(LIBS_$(1)))

CFLAGS_DIR_tests := -Itests/support -I.
# lwIP is a peer in tests: its headers here, the library opened at run time.
CFLAGS_FILE_tests/support/lwip_end.c := -isystem /usr/include/lwip

# $(call linked,VARIANT,PROGRAM,sources,libraries)
define linked
$$(BUILD)/$(1)/$(2): $$(call objects,$(1),$(3)) $$(call TEST_LIBS,$(1))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(or $$(CC_$(1)),$$(CC)) $$(LDFLAGS_$(1)) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(call TEST_LIBS,$(1)) -Wl,--end-group $(4)
-include $$(patsubst %.o,%.d,$$(call objects,$(1),$(3)))
endef

$(foreach v,san cov,$(foreach t,$(TESTS),$(eval $(call linked,$(v),$(t),$(t).c $(TEST_SUPPORT) $(TEST_SUPPORT_$(t)),-lcmocka $(LDLIBS_LINUX)))))
$(foreach v,san cov,$(foreach t,$(FUZZERS),$(eval $(call linked,$(v),$(t),$(t).c tests/fuzz/replay.c $(TEST_SUPPORT),-lcmocka))))

# File systems in files, for tests against Debian's tools.
FATTOOL := $(BUILD)/san/tests/fs/fattool
$(eval $(call linked,san,tests/fs/fattool,tests/fs/fattool.c $(TEST_SUPPORT),-lcmocka))

# libFuzzer comes with clang.
CC_fuzz := clang
DEPS_fuzz := deps-build deps-test
CFLAGS_fuzz := -O2 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer $(CFLAGS_COMMON_host)
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined
$(eval $(call variant,fuzz))
$(eval $(call library,fuzz,$(HOST_MODULES)))
$(foreach t,$(FUZZERS),$(eval $(call linked,fuzz,$(t),$(t).c $(TEST_SUPPORT),-lcmocka)))

# The trace checker as a program for captures: it shares no code with the library, and links none.
TRACE_CHECK := $(BUILD)/host/tests/tcp_trace_check
TRACE_CHECK_SOURCES := tests/trace/tcp_trace_check.c $(filter-out %_dev.c,$(wildcard tests/support/tcp_trace_*.c))
$(TRACE_CHECK): $(call objects,host,$(TRACE_CHECK_SOURCES))
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_host) -o $@ $^
-include $(patsubst %.o,%.d,$(call objects,host,$(TRACE_CHECK_SOURCES)))

## trace-check: build/host/tests/tcp_trace_check, which judges a capture by the TCP RFCs
trace-check: $(TRACE_CHECK)

TEST_PROGRAMS := $(addprefix $(BUILD)/san/,$(TESTS))
REPLAY_PROGRAMS := $(addprefix $(BUILD)/san/,$(FUZZERS))
FUZZ_SECONDS ?= 60

## test: everything that needs no emulator, in under eight minutes
test: deps-build deps-run deps-test
	$(Q)tools/test-all check test-unit test-pkt test-spin test-fuzz test-compile-fail test-interop

## test-xen: the real-Xen suite: Xen 4.17 in QEMU, Linux's netback, real clients in dom0
test-xen: deps-build deps-xen apps-xen-x86_64 guests-xen-x86_64 size
	$(Q)tools/check-symbols xen-x86_64
	$(Q)tests/xen/run

## test-xen-arm: the same on Xen for ARM: the 64-bit and the 32-bit images, as guests of one Xen
test-xen-arm: deps-build deps-xen-arm apps-xen-arm64 guests-xen-arm64 apps-xen-arm32 guests-xen-arm32
	$(Q)tools/check-symbols xen-arm64 && tools/check-symbols xen-arm32
	$(Q)tools/check-barriers xen-arm64 xen-arm32
	$(Q)tests/xen/run --arch arm64

## test-unit: unit, property and simulation tests, sanitizers on
test-unit: $(TEST_PROGRAMS)
	$(Q)tools/run-tests $(TEST_PROGRAMS)

## test-fuzz: every fuzz target over its corpus, sanitizers on, no fuzzer needed
test-fuzz: $(REPLAY_PROGRAMS)
	$(Q)tools/run-replays $(REPLAY_PROGRAMS)

## test-compile-fail: what must not compile, does not
test-compile-fail:
	$(Q)tests/compile-fail/run

## test-interop: real DHCP clients, relays and Linux's network stack against the Linux process
test-interop: deps-run deps-test apps-host $(TRACE_CHECK) $(FATTOOL)
	$(Q)tests/interop/run

## fuzz: run every fuzz target under libFuzzer, FUZZ_SECONDS each (60); crashes land in build/fuzz
fuzz: deps-test $(addprefix $(BUILD)/fuzz/,$(FUZZERS))
	$(Q)tools/run-fuzzers $(FUZZ_SECONDS) $(addprefix $(BUILD)/fuzz/,$(FUZZERS))

## check: house rules: include edges, symbol prefixes, no #ifdef, format, both compilers without a warning
check: deps-build deps-test
	$(Q)tools/check-all

## format: put every C file in the form that `make check` wants
format: deps-test
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h' ':!tests/compile-fail')

## coverage: line and branch coverage of the tests, build/coverage/index.html
coverage: deps-test deps-coverage $(addprefix $(BUILD)/cov/,$(TESTS) $(FUZZERS) tests/pkt/pktrun)
	$(Q)tools/coverage $(addprefix $(BUILD)/cov/,$(TESTS)) -- $(addprefix $(BUILD)/cov/,$(FUZZERS))

# Every archive of the library as a Linux process: what `check` looks into.
libs-host: $(LIBS_host)

deps-%:
	$(Q)tools/deps $*

.PHONY: trace-check test test-xen test-xen-arm test-unit test-fuzz test-compile-fail test-interop fuzz check format coverage libs-host
