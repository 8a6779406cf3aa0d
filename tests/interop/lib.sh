#!/bin/bash
# lib.sh TOP NAME: runs tests/interop/NAME.test inside the namespaces that tests/one made, with what the tests have in common:
#
#     need COMMAND PACKAGE          skips the whole test where the command is missing
#     net_start [NAME]              a bridge, br0 if not named
#     client_add NAME [BRIDGE]      a network namespace with one interface, eth0, on the bridge; its MAC is in ${mac[NAME]}
#     in_ns NAME COMMAND...         runs a command there
#     dhcpd_start ADDR/LEN [KEY=VALUE...] <<dhcpd.conf    the appliance on br0, awake when this returns
#     dhcpd_key K                   types a key at its console
#     dhcpd_log PATTERN [SECONDS]   waits for a line of its console
#     dhcpd_stop                    SIGTERM; its status is in $dhcpd_status
#     app_start PROGRAM [KEY=VALUE...]    a program at 10.0.0.1 on the TAP srv0 (tap=srv0 unless said), on which this side is 10.0.0.2
#     app_stop                      SIGTERM; its status is in $app_status, its console in $dir/console
#     capture_start [BRIDGE]        records the wire
#     capture_check                 no message of the server is malformed, by tshark
#     is WHAT GOT WANTED            prints ok or not ok
#     yes WHAT COMMAND...           the same by the command's status
set -u
top=$1
name=$2
cd "$top" || exit 1
dir=/run/interop
. tests/lib.sh

net_start() { bridge_add "${1:-br0}"; }

dhcpd_start() {
    local address=$1 n
    shift
    cat >$dir/dhcpd.conf
    [ -p $dir/keys ] || mkfifo $dir/keys
    exec 9<>$dir/keys
    echo "-- dhcpd tap=srv0 ip=$address module=$dir/dhcpd.conf $*"
    build/host/apps/dhcpd tap=srv0 "ip=$address" module=$dir/dhcpd.conf "$@" <&9 >$dir/console 2>&1 9>&- &
    dhcpd=$!
    for ((n = 0; n < 100; n++)); do
        kill -0 $dhcpd 2>/dev/null || { echo "not ok $name: dhcpd ended:"; cat $dir/console; exit 1; }
        ip link show srv0 >/dev/null 2>&1 && ip link set srv0 master br0 up 2>/dev/null &&
            grep -q 'serving at' $dir/console && return
        sleep 0.1
    done
    echo "not ok $name: dhcpd did not come up:"
    cat $dir/console
    exit 1
}

dhcpd_key() { printf '%s' "$1" >$dir/keys; }

dhcpd_log() {
    local n
    for ((n = 0; n < ${2:-5} * 10; n++)); do
        grep -qE "$1" $dir/console && return 0
        sleep 0.1
    done
    return 1
}

dhcpd_stop() {
    kill -TERM "$dhcpd" 2>/dev/null
    wait "$dhcpd"
    dhcpd_status=$?
    dhcpd=
    sed 's/^/   console: /' $dir/console
}

app_start() {
    local program=$1 n
    shift
    case " $*" in *" tap="*) ;; *) set -- tap=srv0 "$@" ;; esac
    echo "-- $program ip=10.0.0.1/24 $*"
    build/host/apps/$program ip=10.0.0.1/24 "$@" </dev/null >$dir/console 2>&1 &
    app=$!
    for ((n = 0; n < 100; n++)); do
        kill -0 $app 2>/dev/null || break
        if ip link show srv0 >/dev/null 2>&1 && grep -q "$program: .*10\.0\.0\.1" $dir/console; then
            ip addr replace 10.0.0.2/24 dev srv0 && ip link set srv0 up && return
        fi
        sleep 0.1
    done
    echo "not ok $name: $program did not come up:"
    cat $dir/console
    exit 1
}

app_stop() {
    kill -TERM "$app" 2>/dev/null
    wait "$app"
    app_status=$?
    app=
    sed 's/^/   console: /' $dir/console
}

# Every frame of the server (MAC 00:16:3e:...): read without an error, IPv4's checksum right, and messages of DHCP as long as they must be.
# UDP's checksum is left to Linux by the offload that netback and TAP agree on, so on a bridge inside one machine it is not there yet.
capture_check() {
    local filter='eth.src == 00:16:3e:00:00:01' bad total
    [ -n "${capture:-}" ] || return
    sleep 1 # dumpcap writes what it has every half second
    kill -INT "$capture" 2>/dev/null
    wait "$capture" 2>/dev/null
    command -v tshark >/dev/null || return
    total=$(tshark -r $dir/wire.pcap -Y "$filter && dhcp" 2>/dev/null | wc -l)
    bad=$(tshark -r $dir/wire.pcap -o ip.check_checksum:TRUE \
        -Y "$filter && (_ws.malformed || _ws.expert.severity >= 6291456 || ip.checksum.status == 0 || (dhcp && !dhcp.option.end) || (dhcp && udp.length < 308))" 2>/dev/null)
    yes "tshark has seen messages of the server ($total)" [ "$total" -gt 0 ]
    is "tshark finds no fault in what the server sent" "$bad" ""
}

# The script of udhcpc: what happened, and the lease, go to $dir/NAME.lease; the interface is configured.
cat >$dir/udhcpc.sh <<'SCRIPT'
#!/bin/sh
echo "$1 ${ip:-none} ${lease:-none} ${serverid:-none} ${router:-none} ${dns:-none}" >>"$LEASE_FILE"
case $1 in
deconfig) ip addr flush dev "$interface" ;;
bound | renew) ip addr replace "$ip/${mask:-24}" dev "$interface"; [ -z "${router:-}" ] || ip route replace default via "$router" 2>/dev/null ;;
esac
exit 0
SCRIPT
chmod +x $dir/udhcpc.sh

# udhcpc_start NAME [ARGS]: in the background, until it has a lease or gives up; its process is $udhcpc.
udhcpc_start() {
    local ns=$1 n
    shift
    : >$dir/$ns.lease
    LEASE_FILE=$dir/$ns.lease ip netns exec "$ns" udhcpc -f -n -t 5 -T 2 -i eth0 -s $dir/udhcpc.sh "$@" &
    udhcpc=$!
    for ((n = 0; n < 100; n++)); do
        grep -q '^bound' $dir/$ns.lease && return 0
        kill -0 $udhcpc 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
lease_field() { tail -n 1 "$dir/$1.lease" | cut -d ' ' -f "$2"; }
# Waits until the client's script has been called with this word more often than `n` times.
lease_event() {
    local n
    for ((n = 0; n < 100; n++)); do
        [ "$(grep -c "^$2" "$dir/$1.lease")" -gt "${3:-0}" ] && return 0
        sleep 0.1
    done
    return 1
}

. "tests/interop/$name.test"
[ -z "${dhcpd:-}" ] || dhcpd_stop
[ -z "${app:-}" ] || app_stop
exit 0
