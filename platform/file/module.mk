# A file, or a block device of Linux's, as a blkdev.
platform-file_DEPS := base cstruct blkdev libc
platform-file_PREFIXES := filedev_
