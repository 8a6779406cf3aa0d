# Partition tables and FAT over a blkdev.
fs_DEPS := base cstruct blkdev platform-blkdev
fs_PREFIXES := part_ fat_ utf16_
fs_HEADERS := part.h fat.h
