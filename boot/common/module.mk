# What every target starts a program with, with Xen under it or without: command line, banner.
boot-common_DEPS := base cstruct platform
boot-common_PREFIXES := args_ banner_ fdt_ range_
boot-common_HEADERS := args.h banner.h
