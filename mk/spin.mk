# tests/spin: models of the rings' wake-up protocol, and mutants of them that must fail. ARGS=--all: with the checks that take minutes.

## test-spin: the models of tests/spin: no wake-up is lost, no page is in two hands
test-spin: deps-test
	$(Q)tests/spin/run $(ARGS)
.PHONY: test-spin
