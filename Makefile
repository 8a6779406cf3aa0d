# Morgana: the one entry point. `make help` lists what can be made.
#
#   TARGET=host|xen-x86_64|xen-arm64|xen-arm32|cubieboard  what `make run` runs (host)
#   TOOLCHAIN=gcc|clang      which compiler (gcc)
#   V=1                      show whole commands

TARGET ?= host
TOOLCHAIN ?= gcc
BUILD := build

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

include mk/toolchain-$(TOOLCHAIN).mk
include mk/rules.mk
include mk/modules.mk
include mk/target-host.mk
include mk/image.mk
include mk/target-xen-x86_64.mk
include mk/target-xen-arm64.mk
include mk/target-xen-arm32.mk
include mk/target-cubieboard.mk
include mk/tests.mk
include mk/pkt.mk
include mk/spin.mk
include mk/bench.mk

## all: build every program for the Linux process and for Xen
all: apps-host apps-xen-x86_64

## run: the DHCP appliance and a real client (TARGET=xen-x86_64: the same on real Xen in QEMU); ends at once where stdin is no terminal
run: run-$(TARGET)

## demo: what `make run` shows, bounded: ends after the client has its lease
demo:
	$(Q)$(MAKE) --no-print-directory run </dev/null

## clean: remove everything that was built, except what was downloaded
clean:
	$(Q)find $(BUILD) -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} + 2>/dev/null || true

## distclean: remove the downloads too
distclean:
	$(Q)rm -rf $(BUILD)

## help: this list
help:
	@sed -n 's/^## \([^:]*\): /\1\t/p' Makefile mk/*.mk | sort | awk -F'\t' '{printf "  make %-18s %s\n", $$1, $$2}'

.PHONY: all run demo clean distclean help
