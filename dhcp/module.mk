# The DHCP server and the client: pure, but for the edges: dhcp_udp.c and dhcp_client_udp.c to the network, dhcp_store.c to a disk.
dhcp_DEPS := base cstruct netdev blkdev platform-blkdev tcpip
dhcp_PREFIXES := dhcp_
dhcp_HEADERS := dhcp_journal.h dhcp_store.h dhcp_conf.h dhcp_server.h dhcp_lease.h dhcp_udp.h dhcp_wire.h dhcp_client.h dhcp_client_udp.h
