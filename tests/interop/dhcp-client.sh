#!/bin/bash
# dhcp-client.sh SERVER: one story of udpecho as a DHCP client of SERVER, in a network namespace of its own (dhcp-client.test makes it): a
# lease, renewed; the server dies, and the lease ends; it dies and is back in time; the client dies and asks for the address it had; the
# network is another; the address is somebody else's, and is declined; the lease is given back.
#
# A server is functions: NAME_start NET, which serves 10.NET.0.100 to .109 on br0 with leases of $lease seconds, an MTU of 1400 and a
# router; NAME_said WHAT, which looks into its log for a release or a decline. It is stopped by its process, $server.
set -u
server_name=$1
name=dhcp-client
lease=8 # and half of it, and seven eighths
dir=$dir/$server_name
mkdir -p "$dir"

is() {
    if [ "$2" = "$3" ]; then echo "ok $name: $server_name: $1"; else echo "not ok $name: $server_name: $1: \"$2\", not \"$3\""; fi
}
yes() {
    local what=$1
    shift
    if "$@"; then echo "ok $name: $server_name: $what"; else echo "not ok $name: $server_name: $what ($*)"; fi
}
no() {
    local what=$1
    shift
    if "$@"; then echo "not ok $name: $server_name: $what ($*)"; else echo "ok $name: $server_name: $what"; fi
}
within() { # SECONDS COMMAND...
    local n seconds=$1
    shift
    for ((n = 0; n < seconds * 10; n++)); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}

# ---- the servers ---------------------------------------------------------------------------------------------------------

kea_start() {
    mkdir -p "$dir/run"
    cat >"$dir/kea.conf" <<CONF
{ "Dhcp4": {
    "interfaces-config": { "interfaces": [ "br0" ], "dhcp-socket-type": "raw" },
    "lease-database": { "type": "memfile", "persist": true, "name": "$dir/leases-$1" },
    "authoritative": true, "valid-lifetime": $lease, "renew-timer": 4, "rebind-timer": 7,
    "subnet4": [ { "subnet": "10.$1.0.0/24", "pools": [ { "pool": "10.$1.0.100 - 10.$1.0.109" } ],
        "option-data": [ { "name": "routers", "data": "10.$1.0.1" }, { "name": "interface-mtu", "data": "1400" },
            { "name": "domain-name-servers", "data": "10.$1.0.53" } ] } ],
    "loggers": [ { "name": "kea-dhcp4", "severity": "DEBUG", "debuglevel": 50, "output_options": [ { "output": "stdout" } ] } ]
} }
CONF
    KEA_PIDFILE_DIR=$dir/run KEA_LOCKFILE_DIR=$dir/run kea-dhcp4 -c "$dir/kea.conf" >>"$dir/server.log" 2>&1 &
    server=$!
}
kea_said() {
    case $1 in
    release) grep -q DHCP4_RELEASE "$dir/server.log" ;;
    decline) grep -q DHCP4_DECLINE_LEASE "$dir/server.log" ;;
    esac
}

isc_start() {
    touch "$dir/leases-$1"
    cat >"$dir/isc.conf" <<CONF
authoritative; ping-check off; default-lease-time $lease; max-lease-time $lease; min-lease-time $lease;
subnet 10.$1.0.0 netmask 255.255.255.0 {
    range 10.$1.0.100 10.$1.0.109; option routers 10.$1.0.1; option interface-mtu 1400; option domain-name-servers 10.$1.0.53;
}
CONF
    dhcpd -4 -f -d -user root -group root -cf "$dir/isc.conf" -lf "$dir/leases-$1" -pf "$dir/pid" br0 >>"$dir/server.log" 2>&1 &
    server=$!
}
isc_said() {
    case $1 in
    release) grep -q 'DHCPRELEASE of .* (found)' "$dir/server.log" ;;
    decline) grep -q 'DHCPDECLINE of .*: abandoned' "$dir/server.log" ;;
    esac
}

dnsmasq_start() {
    dnsmasq --keep-in-foreground --user=root --group= --conf-file=/dev/null --port=0 --interface=br0 --no-ping --dhcp-authoritative \
        --dhcp-range=10.$1.0.100,10.$1.0.109,255.255.255.0,$lease --dhcp-option=option:mtu,1400 \
        --dhcp-option=option:classless-static-route,0.0.0.0/0,10.$1.0.1,192.168.9.0/24,10.$1.0.7 \
        --dhcp-option=option:dns-server,10.$1.0.53 --dhcp-leasefile="$dir/leases-$1" --log-dhcp --log-facility=- \
        --pid-file="$dir/pid" >>"$dir/server.log" 2>&1 &
    server=$!
}
dnsmasq_said() {
    case $1 in
    release) grep -q 'DHCPRELEASE(br0)' "$dir/server.log" ;;
    decline) grep -q 'DHCPDECLINE(br0)' "$dir/server.log" ;;
    esac
}

morgana_start() {
    cat >"$dir/morgana.conf" <<CONF
authoritative; ping-check off; default-lease-time $lease; min-lease-time $lease;
subnet 10.$1.0.0 netmask 255.255.255.0 {
    range 10.$1.0.100 10.$1.0.109; option routers 10.$1.0.1; option interface-mtu 1400; option domain-name-servers 10.$1.0.53;
}
CONF
    build/host/apps/dhcpd tap=srv0 ip=10.$1.0.1/24 module="$dir/morgana.conf" </dev/null >>"$dir/server.log" 2>&1 &
    server=$!
    within 5 ip link set srv0 master br0 up 2>/dev/null
}
morgana_said() {
    case $1 in
    release) grep -q ' released by ' "$dir/server.log" ;;
    decline) grep -q ' declined' "$dir/server.log" ;;
    esac
}

server_start() {
    ip addr flush dev br0
    # Where the server is not Linux's own: a host beside it.
    if [ "$server_name" = morgana ]; then ip addr add "10.$1.0.2/24" dev br0; else ip addr add "10.$1.0.1/24" dev br0; fi
    "${server_name}_start" "$1"
}
server_stop() {
    kill -TERM "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    rm -f "$dir"/run/*.pid
}

# ---- the client ----------------------------------------------------------------------------------------------------------

client_start() { # [KEY=VALUE...]
    [ ! -s "$dir/client.log" ] || sed "s/^/   client of $server_name: /" "$dir/client.log"
    : >"$dir/client.log"
    build/host/apps/udpecho tap=cl0 mac=02:00:00:00:00:55 log=debug dhcp dhcp-release "$@" </dev/null >"$dir/client.log" 2>&1 &
    client=$!
}
client_stop() { # gives the address back
    kill -TERM "$client"
    wait "$client"
}
client_kill() { # does not
    kill -KILL "$client"
    wait "$client" 2>/dev/null
}
said() { grep -qE "$1" "$dir/client.log"; }
times() { [ "$(grep -cE "$1" "$dir/client.log")" -ge "$2" ]; }
addr() { grep -oE 'address 10\.[0-9.]+/24' "$dir/client.log" | tail -n 1 | sed 's/address //; s:/24::'; }
answers() { ping -n -q -c 1 -W 1 "$1" >/dev/null 2>&1; }

# ---- the story -----------------------------------------------------------------------------------------------------------

ip link set lo up
ip link add br0 type bridge forward_delay 0 mcast_snooping 0 && ip link set br0 up
ip tuntap add cl0 mode tap && ip link set cl0 master br0 up

# dnsmasq gives nothing for less than two minutes: only what needs no end of a lease.
[ "$server_name" = dnsmasq ] && lease=120
renewals() { grep -cE "for $lease s more" "$dir/client.log"; }

server_start 0
client_start
within 5 said 'port 7' || { echo "not ok $name: $server_name: the client did not start"; cat "$dir/client.log"; exit; }
yes "a lease, with all that belongs to it" within 15 said \
    "address 10\.0\.0\.10[0-9]/24 from 10\.0\.0\.1 for $lease s, router 10\.0\.0\.1, name server 10\.0\.0\.53, MTU 1400"
yes "the address answers" answers "$(addr)"
is "an echo longer than option 26's MTU comes back" "$(ping -n -q -c 1 -W 1 -s 1420 "$(addr)" | grep -o '1 received')" "1 received"

if [ "$server_name" != dnsmasq ]; then
    yes "it renews, of its server" within 8 times "for $lease s more" 1
    yes "twice" within 8 times "for $lease s more" 2
    server_stop
    yes "no server: it asks all for its address" within 10 times 'DHCPREQUEST to 255\.255\.255\.255' 2
    yes "no server: the lease ends" within 5 said 'is lost .*expired 1'
    no "the address is silent" answers "$(addr)"
    server_start 0
    yes "the server is back: a lease" within 25 times 'address 10\.0\.0\.10[0-9]/24' 2
    # The server dies after a renewal and is back when all are asked.
    n=$(renewals)
    within 8 times "for $lease s more" $((n + 1))
    server_stop
    asked=$(grep -c 'DHCPREQUEST to 255' "$dir/client.log")
    within 6 times 'DHCPREQUEST to 10\.0\.0\.1$' $(($(grep -c 'DHCPREQUEST to 10' "$dir/client.log") + 1)) # to nobody
    server_start 0
    if [ "$server_name" = morgana ]; then # which has no disk: it does not know the lease any more
        yes "back in time: it refuses what all were asked" within 8 said 'is lost .*refused 1'
        yes "and a new lease is there" within 15 times 'address 10\.0\.0\.10[0-9]/24' 3
    else
        yes "back in time: it answers what all were asked" within 8 times "for $lease s more" $((n + 2))
        is "by one rebinding" "$(grep -c 'DHCPREQUEST to 255' "$dir/client.log")" $((asked + 1))
        no "no address was lost meanwhile" said 'expired 2'
    fi
fi

old=$(addr)
client_kill
client_start dhcp=$old
yes "begun anew with the address it had: it has it again" within 10 test "$(within 10 said 'address 10\.0'; addr)" = "$old"
no "without asking for any" said DHCPDISCOVER
client_kill

server_stop
server_start 7
sleep 1
client_start dhcp=$old
yes "another network: another address" within 25 said 'address 10\.7\.0\.10[0-9]/24 from 10\.7\.0\.1'
is "after a refusal, at once" "$(grep -o 'DHCP[A-Z]*' "$dir/client.log" | head -n 3 | tr '\n' ' ')" "DHCP DHCPREQUEST DHCPDISCOVER "
old=$(addr)
yes "which answers" answers "$old"
client_kill

# The server would give the same client the same address: but now somebody else has it.
squatter=squatter-$server_name
ip netns add "$squatter"
ip link add sq0 type veth peer name eth0 netns "$squatter"
ip link set sq0 master br0 up
ip -n "$squatter" link set eth0 up
ip -n "$squatter" addr add "$old/24" dev eth0
within 3 answers "$old"
client_start
yes "somebody else has the address: it is given up" within 15 said "$old is in use by"
yes "and declined" within 3 "${server_name}_said" decline
yes "another is there after ten seconds" within 25 said 'address 10\.7\.0\.10[0-9]/24 from 10\.7\.0\.1'
no "which is another" test "$(addr)" = "$old"
client_stop
is "it ends as it was asked to" $? 0
yes "and gives its address back" within 3 "${server_name}_said" release
server_stop
ip netns del "$squatter"
sed "s/^/   client of $server_name: /" "$dir/client.log"
