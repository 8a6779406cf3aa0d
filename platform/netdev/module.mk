# Devices that wrap devices: faults, tracer, pcap writer, loopback.
platform-netdev_DEPS := base cstruct
platform-netdev_PREFIXES := netdev_ loopback_ fault_ trace_ pcap_
