#!/bin/bash
# lib.sh TOP NAME: runs tests/board/NAME.test inside the namespaces that tests/one made, with what the tests have in common:
#
#     need COMMAND PACKAGE          skips the whole test where the command is missing
#     net_start                     a bridge, br0, with the board's TAP on it; this side is 10.0.0.2
#     client_add NAME               a network namespace with one interface, eth0, on the bridge
#     in_ns NAME COMMAND...         runs a command there
#     board_start KERNEL [APPEND] [QEMU ARGUMENTS...]    a board, its Ethernet on the TAP where net_start made one; KERNEL -: none
#     board_says PATTERN [SECONDS]  waits for a line of its console ($dir/console)
#     board_type TEXT               types at its console, as printf does
#     board_monitor COMMAND         a command of QEMU's monitor
#     board_halts [SECONDS]         waits until it has come to its end, and switches it off
#     board_off                     switches it off
#     app_start APP [APPEND]        the program at 10.0.0.1, awake when this returns
#     app_stop                      Ctrl-D; the program must end in order
#     symbols                       the backtrace in the console, as functions' names, innermost first
#     is WHAT GOT WANTED            prints ok or not ok
#     yes WHAT COMMAND...           the same by the command's status
#     says WHAT PATTERN             the console has such a line
set -u
top=$1
name=$2
cd "$top" || exit 1
dir=/run/board
out=build/cubieboard
. tests/lib.sh
qemu= network=
icount=${BOARD_ICOUNT:-}
emulator=qemu-system-arm

says() { yes "$1" grep -qE -- "$2" $dir/console; }

net_start() {
    bridge_add br0
    ip addr add 10.0.0.2/24 dev br0
    ip tuntap add board0 mode tap && ip link set board0 master br0 up
    network=yes
}

board_start() {
    local kernel=$1 append=${2:-} nic=none
    shift $(($# < 2 ? $# : 2))
    [ -z "$network" ] || nic=tap,ifname=board0,script=no,downscript=no
    rm -f $dir/keys $dir/monitor
    mkfifo $dir/keys
    exec 9<>$dir/keys
    : >$dir/console.raw
    echo "-- $kernel $append $*"
    [ "$kernel" = - ] || set -- -kernel "$kernel" ${append:+-append "$append"} "$@"
    $emulator -M cubieboard -m 1G -display none -nic $nic ${icount:+-icount $icount} \
        -chardev stdio,id=console,signal=off -serial chardev:console -monitor unix:$dir/monitor,server=on,wait=off "$@" \
        <&9 >$dir/console.raw 2>$dir/qemu.log 9>&- &
    qemu=$!
}

# The console as lines without carriage returns.
board_console() { tr -d '\r' <$dir/console.raw >$dir/console; }

board_says() {
    local n
    for ((n = 0; n < ${2:-20} * 10; n++)); do
        board_console
        grep -qE -- "$1" $dir/console && return 0
        kill -0 $qemu 2>/dev/null || break
        sleep 0.1
    done
    board_console
    grep -qE -- "$1" $dir/console
}

board_type() { printf "$1" >$dir/keys; }
board_monitor() { printf '%s\n' "$1" | timeout 5 nc -N -U $dir/monitor >/dev/null; }

board_off() {
    kill $qemu 2>/dev/null
    wait $qemu 2>/dev/null
    qemu=
    board_console
    sed 's/^/   console: /' $dir/console
    grep -v 'has no peer\|terminating on signal' $dir/qemu.log | head -n 20 | sed 's/^/   qemu: /'
}

board_halts() {
    board_says '^halted: ' "${1:-20}" || echo "   it did not halt"
    board_off
}

app_start() {
    board_start $out/apps/$1.bin "entropy=weak ip=10.0.0.1/24 ${2:-}" "${@:3}"
    board_says "$1: .*10\.0\.0\.1|^Server listening" 30 && return
    echo "not ok $name: $1 did not come up:"
    board_off
    exit 1
}

app_stop() {
    board_type '\004'
    board_halts 20
    is "$1 ends in order by Ctrl-D" "$(grep '^verdict' $dir/console)" "verdict: success"
}

symbols() {
    local image=${1:-$out/tests/boot.elf.debug}
    sed -n 's/^backtrace ([^)]*)://p' $dir/console | tr ' ' '\n' | grep 0x | while read -r at; do
        arm-none-eabi-addr2line -fie "$image" "$at" | sed -n 1~2p
    done
}

. "tests/board/$name.test"
[ -z "$qemu" ] || board_off
exit 0
