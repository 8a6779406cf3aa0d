# Block devices that wrap devices (windows, alignment, faults, tracer), and waiting for one request.
platform-blkdev_DEPS := base cstruct blkdev platform
platform-blkdev_PREFIXES := blk_
platform-blkdev_HEADERS := blk_io.h blk_share.h blk_align.h blk_mem.h blk_fault.h blk_trace.h
