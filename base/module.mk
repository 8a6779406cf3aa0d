# Assertions' helpers, error names, the small printf, log lines, dice.
base_DEPS := cstruct
base_PREFIXES := base_ err_ fmt_ log_ random_
base_HEADERS := base.h err.h log.h random.h
