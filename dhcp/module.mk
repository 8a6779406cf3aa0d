# The DHCP server: pure, but for dhcp_udp.c at the edge.
dhcp_DEPS := base cstruct tcpip
dhcp_PREFIXES := dhcp_
