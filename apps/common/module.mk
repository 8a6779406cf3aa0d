# What programs with a network have in common: an archive beside the library's, from which they take what they use.
apps-common_DEPS := base cstruct netdev tcpip dhcp platform boot-common libc
apps-common_PREFIXES := net_ sha256_ table_ turns_
