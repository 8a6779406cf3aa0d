# What programs have in common: an archive beside the library's, from which they take what they use.
apps-common_DEPS := base cstruct netdev blkdev tcpip dhcp platform platform-blkdev fs boot-common libc
apps-common_PREFIXES := bytes_ disk_ hist_ memory_ net_ print_ sha256_ table_ turns_
