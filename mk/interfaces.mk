# Headers without code: the seams between rooms. Whoever names an interface in its DEPS may include its headers.

netdev_HEADERS := netdev.h
netdev_DEPS := base cstruct
blkdev_HEADERS := blkdev.h
blkdev_DEPS := base cstruct
platform_HEADERS := platform.h
platform_DEPS := base cstruct netdev blkdev
xenseam_HEADERS := xen.h
xenseam_DEPS := base
