# Xen's block frontend as a blkdev.
blkfront_DEPS := base cstruct evtchn xen blkdev platform xenseam libxen
blkfront_PREFIXES := blkfront_
blkfront_HEADERS := blkfront.h
