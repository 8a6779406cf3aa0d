# What every target starts a program with: command line, banner, Xen bring-up. What only a bare machine needs is in bare/.
boot-common_DEPS := base cstruct evtchn xen netfront netdev platform xenseam libxen libc
boot-common_PREFIXES := args_ banner_ plat_ start_
boot-common_HEADERS := args.h start.h
