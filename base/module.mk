# Assertions' helpers, error names, the small printf, log lines.
base_DEPS := 
base_PREFIXES := base_ err_ fmt_ log_
