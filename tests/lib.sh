# lib.sh: what the tests of tests/board and tests/interop have in common, sourced by the lib.sh of each with `name` (the test's) and `dir`
# (a folder for what it leaves) set, inside namespaces of their own; what a test may say of it is listed there.
export PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C.UTF-8 # the tools of others write names and numbers by the locale, and a machine may have none
mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -p /run/netns /run/lock "$dir" || exit 1
ip link set lo up
clients=0
declare -A mac

need() {
    command -v "$1" >/dev/null && return
    echo "skip $name: $1 is missing (Debian package $2)"
    exit 0
}

is() {
    if [ "$2" = "$3" ]; then echo "ok $name: $1"; else echo "not ok $name: $1: \"$2\", not \"$3\""; fi
}

yes() {
    local what=$1
    shift
    if "$@"; then echo "ok $name: $what"; else echo "not ok $name: $what ($*)"; fi
}

bridge_add() { ip link add "$1" type bridge forward_delay 0 mcast_snooping 0 && ip link set "$1" up; }

client_add() {
    local ns=$1 bridge=${2:-br0} n=$((++clients))
    mac[$ns]=$(printf '02:00:00:00:01:%02x' $n)
    ip netns add "$ns"
    ip link add "v$n" type veth peer name eth0 netns "$ns" address "${mac[$ns]}"
    ip link set "v$n" master "$bridge" up
    ip -n "$ns" link set lo up
    ip -n "$ns" link set eth0 up
}

in_ns() { ip netns exec "$@"; }

capture_start() {
    local n
    command -v dumpcap >/dev/null || { echo "skip $name: the wire is not looked at: dumpcap is missing (Debian package tshark)"; return; }
    dumpcap -q -P -i "${1:-br0}" -w $dir/wire.pcap 2>$dir/dumpcap.log &
    capture=$!
    for ((n = 0; n < 50; n++)); do
        [ -s $dir/wire.pcap ] && return
        sleep 0.1
    done
}

# The leases that clients were told of: "address client" of each DHCPACK in a record of the wire.
told() {
    tshark -r "$1" -Y 'dhcp.option.dhcp == 5' -T fields -e dhcp.ip.your -e dhcp.hw.mac_addr 2>/dev/null | sed 's/\t/ /; s/,.*//' | sort -u
}
