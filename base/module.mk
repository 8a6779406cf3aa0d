# Assertions' helpers, error names, the small printf, log lines, SipHash's rounds, dice.
base_DEPS := cstruct
base_PREFIXES := base_ err_ fmt_ log_ random_
base_HEADERS := base.h err.h log.h random.h
