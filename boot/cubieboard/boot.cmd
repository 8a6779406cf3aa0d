# boot.cmd - what U-Boot runs from the SD card (as boot.scr: mkimage wraps it). See docs/cubieboard.md.
#
# uEnv.txt on the same card may set
#   app=dhcpd                 which image: dhcpd.uImage; hello.uImage where nothing is said
#   args=ip=10.0.0.1/24       its command line
#   module=dhcpd.conf         a file given with it
#
# The device tree is U-Boot's own, into which it writes what it knows: memory, command line, module. One
# that has none passes the same by ATAGs.
setenv app hello
setenv args
setenv module
if load mmc 0:1 0x42000000 uEnv.txt; then env import -t 0x42000000 ${filesize}; fi
setenv bootargs ${args}
setenv ramdisk -
if test -n "${module}"; then
	if load mmc 0:1 0x43300000 ${module}; then setenv ramdisk 0x43300000:0x${filesize}; fi
fi
load mmc 0:1 0x42000000 ${app}.uImage
bootm 0x42000000 ${ramdisk} ${fdtcontroladdr}
