# x86-64 guests of Xen. The objects of the library come from the same sources as the host's; what differs is this list and
# boot/xen-x86_64.

CFLAGS_xen-x86_64 := -Iinclude/arch/x86_64
apps-xen-x86_64:
.PHONY: apps-xen-x86_64
