# Benchmarks: bench/<name>.c, optimised, no sanitizer; `make bench` writes tables to bench/results.
BENCHES := $(basename $(sort $(wildcard bench/*.c)))
CFLAGS_DIR_bench := -Itests/support -I.
# The platform on virtual time, and what one program wants; the other helpers of tests/support are for cmocka tests.
BENCH_SUPPORT := tests/support/vplat.c
BENCH_SUPPORT_bench/bench_path := tests/support/simguest.c

define bench_program
$$(BUILD)/host/$(1): $$(call objects,host,$(1).c $(BENCH_SUPPORT) $(BENCH_SUPPORT_$(1))) $$(call TEST_LIBS,host)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS_host) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(call TEST_LIBS,host) -Wl,--end-group $$(LDLIBS_$(1))
-include $$(patsubst %.o,%.d,$$(call objects,host,$(1).c $(BENCH_SUPPORT) $(BENCH_SUPPORT_$(1))))
endef
$(foreach b,$(BENCHES),$(eval $(call bench_program,$(b))))
bench-programs: $(addprefix $(BUILD)/host/,$(BENCHES))
.PHONY: bench-programs

BENCH_TABLES := cksum accessors udp tcp tcp-iperf3 netfront path blkfront dhcp-memory dhcp-perfdhcp

## bench: every benchmark; the tables go to bench/results, to be committed and compared
bench: deps-build deps-test deps-bench deps-run bench-programs apps-host
	$(Q)tools/run-benches $(BENCH_TABLES)
.PHONY: bench

## bench-xen: the network and block I/O of our images and of Linux guests on real Xen in QEMU, in turns, in one boot; tables and plots (an hour; on a machine with nothing else to do)
bench-xen: deps-build deps-xen deps-bench-xen apps-xen-x86_64
	$(Q)tools/run-benches xen-net xen-cost xen-blk
.PHONY: bench-xen

## bench-boot: what a start costs on each target: instructions until the first frame, sizes, least memory; into bench/results/boot.txt
bench-boot: deps-build deps-xen deps-xen-arm deps-board apps-host apps-xen-x86_64 apps-xen-arm64 apps-xen-arm32 apps-cubieboard
	$(Q)tools/run-benches boot
.PHONY: bench-boot

## size: the images' sizes, stripped; dhcpd.elf must not outgrow 512 KiB
size: apps-xen-x86_64
	$(Q)cd $(BUILD)/xen-x86_64/apps && stat -c '%s %n' $(addsuffix .elf,$(APPS)) | sort -n
	$(Q)[ $$(stat -c %s $(BUILD)/xen-x86_64/apps/dhcpd.elf) -le 524288 ]
.PHONY: size
