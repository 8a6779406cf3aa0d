# Linux's TAP device as a netdev of its own.
platform-tap_DEPS := base cstruct netdev libc
platform-tap_PREFIXES := tapdev_
