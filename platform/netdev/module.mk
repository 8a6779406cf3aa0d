# Devices that wrap devices: faults, tracer, pcap writer, loopback.
platform-netdev_DEPS := base cstruct netdev
platform-netdev_PREFIXES := netdev_ loopback_ fault_ trace_ pcap_
platform-netdev_HEADERS := fault.h trace.h pcap.h loopback.h
