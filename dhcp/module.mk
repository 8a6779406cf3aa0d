# The DHCP server and the client: pure, but for dhcp_udp.c and dhcp_client_udp.c at the edge.
dhcp_DEPS := base cstruct netdev blkdev tcpip
dhcp_PREFIXES := dhcp_
dhcp_HEADERS := dhcp_conf.h dhcp_server.h dhcp_lease.h dhcp_udp.h dhcp_wire.h dhcp_client.h dhcp_client_udp.h
