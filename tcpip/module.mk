# Ethernet, ARP, IPv4, ICMP, IGMP, UDP, TCP.
tcpip_DEPS := base cstruct netdev
tcpip_PREFIXES := eth_ arp_ ip4_ icmp4_ icmp_ igmp_ udp_ tcp_ seq_ netif_ route_ siphash_
tcpip_SUBDIRS := tcpip/wire
tcpip_HEADERS := netif.h udp.h tcp.h tcp_tuning.h
