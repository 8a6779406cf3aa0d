# Assertions' helpers, error names, the small printf, log lines.
base_DEPS := cstruct
base_PREFIXES := base_ err_ fmt_ log_
base_HEADERS := base.h err.h log.h
