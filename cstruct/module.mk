# Views, pages, packets, the internet checksum, field tables.
cstruct_DEPS := base
cstruct_PREFIXES := cs_ page_ pkt_ cksum_ field_
cstruct_HEADERS := cstruct.h field.h page.h pkt.h cksum.h
