# lib.sh: what a case may say. Sourced in dom0 before the case; see tests/xen/README.md for the list.
#
# A case ends well when it comes to its end; any command that fails ends it (set -e), and so do fail and skip.
# Times are in seconds and are stretched by `slow` (tests/xen/run --slow N).

. /rig/nap
console_dir=/var/log/xen/console
net_server=10.0.0.2             # by convention the guest that serves; dom0 is 10.0.0.1 on xenbr0
guest_count=0
boot_seconds=30                 # the longest that a guest takes to start
[ "$guest_type" != hvm ] || boot_seconds=150    # a device model, a BIOS and GRUB, all on an emulated machine

say() { printf '@%s\n' "$*" >&3; }

log_lines() {                   # FILE: stdin becomes lines of this case's log FILE
    local line
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line//$'\r'/}
        say "log $case_name $1 ${line:0:900}"
    done
}

step() { echo "$*" >/run/case/step; say "note $case_name: $*"; echo "# $*"; }
fail() { [ -e /run/case/why ] || echo "$*" >/run/case/why; exit 1; }
skip() { echo "$*" >/run/case/why; exit 77; }

case_error() {                  # LINE COMMAND: the ERR trap
    [ -e /run/case/why ] || echo "line $1: $2" >/run/case/why
}

case_end() {                    # the EXIT trap: let the logs be complete before the runner says how it ended
    trap - ERR
    set +e
    touch /run/case/stop
    local i pid
    while read -r pid; do wait "$pid"; done 2>/dev/null </run/case/pumps
    exec >/dev/null 2>&1
    for i in 1 2 3 4 5 6 7 8; do    # something that a case left behind may hold the log open
        kill -0 "$log_pid" || break
        nap 0.2
    done
}

must() {                        # COMMAND...: if it fails, the reason is the last line it printed
    "$@" 2>&1 | tee /run/case/must || fail "$*: $(tail -n 1 /run/case/must)"
}

# --- waiting -----------------------------------------------------------------------------------------------------------

wait_until() {                  # SECONDS COMMAND...: status 1 when the time is over
    local end=$((SECONDS + $1 * slow)); shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        nap 0.3
    done
}

has_lines() {                   # FILE PATTERN COUNT
    [ "$(grep -cE -- "$2" "$1" 2>/dev/null)" -ge "$3" ]
}

wait_for_line() {               # GUEST PATTERN SECONDS [COUNT]: until the console has COUNT (1) lines like PATTERN
    local end=$((SECONDS + $3 * slow))
    until has_lines "$(guest_console_log "$1")" "$2" "${4:-1}"; do
        [ $SECONDS -lt $end ] || fail "$1: no line like '$2' on the console within $3 s; last line: $(guest_last_words "$1")"
        case $(guest_state "$1") in
            running) nap 0.3 ;;
            *) has_lines "$(guest_console_log "$1")" "$2" "${4:-1}" ||
                fail "$1: ended ($(guest_state "$1")) before a line like '$2'; last line: $(guest_last_words "$1")" ;;
        esac
    done
}

wait_for_ping() {               # ADDRESS SECONDS GUEST: the guest answers one
    wait_until "$2" answers_or_ended "$1" "$3" || fail "$3: no answer to pings of $1 within $2 s; last line: $(guest_last_words "$3")"
    [ "$(guest_state "$3")" = running ] || fail "$3: ended by $(guest_state "$3"); last line: $(guest_last_words "$3")"
}

answers_or_ended() { ping -c 1 -W 1 -n "$1" || guest_ended "$2"; }

pings_answered() {              # PING COMMAND...: it prints its account, and every ping was answered, once (ping itself is content with one)
    local out
    out=$("$@") || { tail -n 3 <<<"$out"; fail "no answer: $*"; }
    tail -n 2 <<<"$out"
    grep -qE '^([0-9]+) packets transmitted, \1 received, 0% packet loss' <<<"$out" || fail "not every ping was answered, once: $*"
}

# --- disks -------------------------------------------------------------------------------------------------------------

declare -A disk_dev=()

disk_make() {                   # NAME MIB [BLOCK]: a file /run/disks/NAME.img behind a loop device with sectors of BLOCK (512) bytes
    mkdir -p /run/disks
    grep -q ' /run/disks ' /proc/mounts || mount -t tmpfs tmpfs /run/disks     # the initramfs's own file system can punch no holes: no discards
    [ -e "/run/disks/$1.img" ] || truncate -s "$2M" "/run/disks/$1.img"
    disk_dev[$1]=$(losetup -f --show -b "${3:-512}" "/run/disks/$1.img") || fail "losetup of $1 with sectors of ${3:-512} bytes"
    step "disk $1: ${disk_dev[$1]}, $2 MiB, sectors of ${3:-512} bytes"
}

# What of it the guest wrote is in the file: that is what dom0 looks at. The guest must be gone.
disk_sync() { blockdev --flushbufs "${disk_dev[$1]}"; sync; }

disk_holds() {                  # NAME GUEST: the digest that the guest told is that of the file, and of the numbers from 0 on
    local told file
    disk_sync "$1"
    told=$(sed -n 's/^sha256 \([0-9a-f]*\).*/\1/p' "$(guest_console_log "$2")" | tail -n 1)
    file=$(sha256sum <"/run/disks/$1.img")
    [ -n "$told" ] && [ "$told" = "${file%% *}" ] || fail "$2: the guest read ${told:-nothing} and dom0 ${file%% *}"
    # Every number says where it stands: cmp's answer is of the first that does not.
    [ "${3:-numbers}" != numbers ] || must blkload numbers "/run/disks/$1.img"
}

blkback() {                     # [PARAMETER=VALUE...]: dom0's driver begins anew with these; no guest may have a disk
    rmmod xen_blkback && insmod /lib/modules/xen-blkback.ko "$@" || fail "dom0's xen-blkback does not take: $*"
    echo "# xen-blkback $*"
    [ $# = 0 ] || touch /run/blkback-changed
}

# --- guests ------------------------------------------------------------------------------------------------------------

# Public clouds start an HVM guest from its disk: the BIOS starts GRUB, and GRUB the image. Everything is in GRUB's one file: the loader that
# the BIOS starts, its modules, its commands, and a tar archive with the image and its module; the command line stands in the commands.
grub_disk() {                   # NAME IMAGE MODULE COMMAND-LINE: /run/case/NAME.img
    local hd=/run/case/$1.hd
    mkdir -p "$hd" /usr/share/qemu/keymaps
    echo 'map 0x409' >/usr/share/qemu/keymaps/en-us     # the device model does not start without
    cp "$2" "$hd/image"
    echo "multiboot (memdisk)/image $4" >"$hd.cfg"
    [ -z "$3" ] || { cp "$3" "$hd/module"; echo 'module (memdisk)/module' >>"$hd.cfg"; }
    echo boot >>"$hd.cfg"
    tar -C "$hd" -cf "$hd.tar" .
    must grub-mkimage -O i386-pc -d /usr/bin -p '(memdisk)/' -c "$hd.cfg" -m "$hd.tar" -o "$hd.core" biosdisk memdisk tar multiboot boot
    cat /usr/bin/boot.img "$hd.core" >"/run/case/$1.img"
    truncate -s 1M "/run/case/$1.img"
}

hvm_settings() {                # NAME: an HVM guest starts from its disk
    printf '%s\n' "disk = [\"format=raw,vdev=hda,access=rw,target=/run/case/$1.img\"]" 'boot = "c"' 'hdtype = "ahci"' 'vga = "none"' 'nographic = 1' \
        'device_model_override = "/usr/bin/xen-qemu-system-i386"' 'firmware_override = "/usr/bin/hvmloader"' \
        'bios_path_override = "/usr/bin/bios-256k.bin"'
}

guest_create() {                # NAME IMAGE [memory=MIB] [maxmem=MIB] [extra=STRING] [ramdisk=FILE] [type=pvh|pv|hvm|none] [vif=0|1] [on_reboot=ACTION] [vcpus=N] [words=STRING] [disk=NAME[,ro]] [before=FUNCTION]
    local name=$1 image=$image_folder/$2$image_suffix part=$2 memory=32 maxmem='' extra='' ramdisk='' type=$guest_type vif=0 on_reboot=destroy vcpus=1 words='' disk='' before='' arg
    shift 2
    for arg in "$@"; do
        case $arg in
            memory=*|maxmem=*|extra=*|ramdisk=*|type=*|vif=*|on_reboot=*|vcpus=*|words=*|disk=*|before=*) local "${arg?}" ;;
            *) fail "guest_create: '$arg' is not an option" ;;
        esac
    done
    if [ "$control" = yes ] || [ -z "${part##linux:*}" ]; then  # a Linux guest plays the image's part
        extra="quiet console=hvc0 panic=-1 control=${part#linux:} $extra"
        image=/guests/control/vmlinuz ramdisk=/guests/control/initrd
        [ "$memory" -ge 192 ] || memory=192
    fi
    [ -e "$image" ] || fail "there is no image $image"
    case $ramdisk in ''|/*) ;; *) ramdisk=/rig/data/$ramdisk ;; esac
    [ -z "$ramdisk" ] || [ -e "$ramdisk" ] || fail "there is no file $ramdisk"
    guest_count=$((guest_count + 1))
    if [ "$type" = hvm ]; then  # the BIOS and GRUB need memory, too
        [ "$memory" -ge 64 ] || memory=64
        grub_disk "$name" "$image" "$ramdisk" "$extra"
    fi
    {
        echo "name = \"$name\""
        [ "$type" = none ] || echo "type = \"$type\""
        if [ "$type" = hvm ]; then
            hvm_settings "$name"
        else
            echo "kernel = \"$image\""
            [ -z "$ramdisk" ] || echo "ramdisk = \"$ramdisk\""
            case $extra in
                '') ;;
                *\"*) echo "extra = '$extra'" ;;
                *) echo "extra = \"$extra\"" ;;
            esac
        fi
        echo "memory = $memory"
        [ -z "$maxmem" ] || echo "maxmem = $maxmem"
        echo "vcpus = $vcpus"
        [ "$vif" = 0 ] || echo "vif = [\"$(vif_spec "$(printf '00:16:3e:00:00:%02x' $guest_count)" | tr ' ' ,)\"]"
        [ -z "$disk" ] || echo "disk = [\"$(disk_spec "$disk")\"]"
        # Not destroyed at once: first the rig sees how the guest ended and lets the console daemon read all it wrote.
        echo 'on_poweroff = "preserve"'
        echo 'on_crash = "preserve"'
        echo 'on_soft_reset = "destroy"'
        echo "on_reboot = \"$on_reboot\""
    } >"/run/case/$name.cfg"
    sed 's/^/  /' "/run/case/$name.cfg"
    : >"$console_dir/guest-$name.log"
    pump "$(guest_console_log "$name")" "$name.console" &
    echo $! >>/run/case/pumps
    step "guest $name: $type, $memory MiB${extra:+, $extra}"
    [ -z "$words" ] || before=guest_words
    xl create -q ${before:+-p} "/run/case/$name.cfg" >/run/case/create.log 2>&1 3>&- || {
        cat /run/case/create.log
        fail "$name: xl create: $(grep -m 1 -iE 'error|fail|invalid' /run/case/create.log || echo failed)"
    }
    if [ -n "$before" ]; then
        "$before" "/local/domain/$(xl domid "$name")"
        xl unpause "$name"
    fi
}

guest_words() { xenstore-write "$1/vm-data/cmdline" "$words"; } # of the command line, by xenstore
vif_spec() { echo "mac=$1 bridge=xenbr0 type=vif script=/rig/vif"; }         # MAC: as xl knows it; type: none that a device model emulates
net_attach() {                  # GUEST MAC: one more network device
    # shellcheck disable=SC2046
    xl network-attach "$1" $(vif_spec "$2") 3>&- || fail "$1: xl network-attach of $2 failed"
}
net_detach() { xl network-detach "$1" "$2" 3>&- || fail "$1: xl network-detach of $2 failed"; }     # GUEST MAC
disk_spec() {                   # NAME[,ro][,no-discard]: as xl knows it
    local access=rw discard=discard
    [[ ,$1, != *,ro,* ]] || access=ro
    [[ ,$1, != *,no-discard,* ]] || discard=no-discard
    echo "format=raw,vdev=xvda,access=$access,$discard,backendtype=phy,script=/rig/block,target=${disk_dev[${1%%,*}]}"
}

pump() {                        # FILE LOG: lines that appear in FILE go to the log, until the case stops
    local part='' line stop=no
    set +e; trap - ERR EXIT
    while [ $stop = no ]; do
        [ ! -e /run/case/stop ] || stop=yes
        while IFS= read -r line; do
            line=${line//$'\r'/}
            say "log $case_name $2 $part${line:0:900}"
            part=
        done
        part+=$line
        [ $stop = yes ] || nap 0.4
    done <"$1"
    [ -z "$part" ] || say "log $case_name $2 ${part//$'\r'/}"
}

guest_console_log() { echo "$console_dir/guest-$1.log"; }

guest_verdict() {               # NAME: the last line of its console that is not empty
    awk '{ gsub(/\r/, "") } /[^[:space:]]/ { last = $0 } END { print last }' "$console_dir/guest-$1.log" 2>/dev/null || true
}

guest_last_words() {            # NAME: for a reason: its last line, or what it said to Xen itself (port 0xe9) if it never had a console
    local last
    last=$(guest_verdict "$1")
    [ -n "$last" ] || last=$(xl dmesg | tr -d '\r' | grep -E '^\(d[0-9]+(v[0-9]+)?\) ' | tail -n 1) || true
    echo "${last:-(no line at all)}"
}

guest_id() { xl domid "$1" 2>/dev/null; }

guest_state() {                 # NAME: running | poweroff | reboot | suspend | crash | watchdog | gone
    local line part words=() i
    local why=(poweroff reboot suspend crash watchdog soft-reset)
    line=$(xl list -v "$1" 2>/dev/null) || true
    [[ $line = *$'\n'* ]] || { echo gone; return; }
    line=${line##*$'\n'}
    read -ra words <<<"$line"       # Name ID Mem VCPUs State Time UUID Reason-Code ...
    for i in "${!words[@]}"; do
        part=${words[i]}
        [[ $part =~ ^[r-][b-][p-]([s-])([c-])[d-]$ ]] || continue
        case ${BASH_REMATCH[1]}${BASH_REMATCH[2]} in
            --) echo running ;;
            *) echo "${why[${words[i + 3]}]:-reason ${words[i + 3]}}" ;;
        esac
        return
    done
    echo "unknown ($line)"
}

guest_ended() { [ "$(guest_state "$1")" != running ]; }

console_quiet() {               # NAME: nothing came for a moment; behind a verdict, a short one
    local size wait=0.5
    size=$(stat -c %s "$(guest_console_log "$1")")
    [[ $(guest_verdict "$1") != "verdict: "* ]] || wait=0.1
    nap $wait
    [ "$size" = "$(stat -c %s "$(guest_console_log "$1")")" ]
}

guest_wait_end() {              # NAME SECONDS: until it has ended by itself; sets guest_end to how
    wait_until "$2" guest_ended "$1" || fail "$1: still running after $2 s; last line: $(guest_last_words "$1")"
    wait_until 5 console_quiet "$1" || true
    guest_end=$(guest_state "$1")
    step "guest $1 ended: $guest_end; last line: $(guest_last_words "$1")"
}

guest_wait_gone() {             # NAME SECONDS: until it has ended, then out of Xen's list
    guest_wait_end "$1" "$2"
    [ "$guest_end" = gone ] || xl destroy "$1" 3>&- || fail "$1: xl destroy failed"
    wait_until 20 not_listed "$1" || fail "$1: still in xl list after it ended"
}

not_listed() { ! guest_id "$1"; }

guest_succeeds() {              # NAME SECONDS: it powers itself off, its last line is a success
    guest_wait_gone "$1" "$2"
    local last
    last=$(guest_verdict "$1")
    [ "$guest_end" = poweroff ] || fail "$1: ended by $guest_end; last line: $(guest_last_words "$1")"
    [ "$last" = "verdict: success" ] || fail "$1: last line of its console: ${last:-none; last word to Xen: $(guest_last_words "$1")}"
}

guest_fails() {                 # NAME SECONDS PATTERN: it powers itself off, its last line is a failure like PATTERN
    guest_wait_gone "$1" "$2"
    local last
    last=$(guest_verdict "$1")
    [ "$guest_end" = poweroff ] || fail "$1: ended by $guest_end, not poweroff; last line: $(guest_last_words "$1")"
    grep -qE "^verdict: failure: .*($3)" <<<"$last" || fail "$1: last line is '$last', not a failure like '$3'"
}

guest_crashes() {               # NAME SECONDS PATTERN: it ends as crashed; its last line is a failure like PATTERN
    guest_wait_gone "$1" "$2"
    local last
    last=$(guest_verdict "$1")
    [ "$guest_end" = crash ] || fail "$1: ended by $guest_end, not crash; last line: $(guest_last_words "$1")"
    grep -qE "^verdict: failure: .*($3)" <<<"$last" || fail "$1: last line is '$last', not a failure like '$3'"
}

guest_shutdown() {              # NAME SECONDS: asked to, it ends well
    step "xl shutdown $1"
    xl shutdown "$1" 3>&- || fail "$1: xl shutdown failed"
    guest_succeeds "$1" "$2"
}

guest_reboot() {                # NAME SECONDS: asked to, it comes back (as another domain of the same name)
    local before
    before=$(guest_id "$1")
    step "xl reboot $1"
    xl reboot "$1" 3>&- || fail "$1: xl reboot failed"
    wait_until "$2" guest_is_another "$1" "$before" || fail "$1: did not come back within $2 s; state: $(guest_state "$1")"
}

guest_is_another() { local id; id=$(guest_id "$1") && [ "$id" != "$2" ]; }

# --- save, restore, migrate --------------------------------------------------------------------------------------------

export LIBXL_SAVE_HELPER=/usr/bin/libxl-save-helper
saves=/run/case/saves           # a file for each guest

saved() {                       # NAME WHAT COMMAND...: xl does it, or the case fails by xl's first word of an error
    local name=$1 what=$2 log=/run/case/saved.log
    shift 2
    "$@" >"$log" 2>&1 3>&- </dev/null || {
        sed 's/^/  /' "$log"
        fail "$name: $what: $(grep -m 1 -iE 'error|fail|invalid' "$log" || tail -n 1 "$log")"
    }
}

guest_save() {                  # NAME: it is in a file, and gone
    mkdir -p "$saves"
    saved "$1" "xl save" xl save "$1" "$saves/$1"
    wait_until 20 not_listed "$1" || fail "$1: still in xl list after it was saved"
}

guest_restore() { saved "$1" "xl restore" xl restore "$saves/$1"; rm -f "$saves/$1"; } # NAME: as it was saved

guest_checkpoint() {            # NAME: saved, but goes on: for the guest a suspend that is cancelled
    mkdir -p "$saves"
    saved "$1" "xl save -c" xl save -c "$1" "$saves/$1"
    rm -f "$saves/$1"
}

guest_migrate() {               # NAME: to this very machine; while both are there the new one has another name
    printf '#!/bin/bash\nexec xl migrate-receive\n' >/run/case/receive
    chmod +x /run/case/receive
    ln -sf "$(guest_console_log "$1")" "$(guest_console_log "$1--incoming")"
    saved "$1" "xl migrate" xl migrate -s "" "$1" /run/case/receive
}

# --- what a guest holds ------------------------------------------------------------------------------------------------

guest_pools() {                 # NAME: what its first network device's pools and its grant table have free, as it says itself (xl sysrq m)
    local log n
    log=$(guest_console_log "$1")
    n=$(grep -c 'sysrq: grants: ' "$log") || true
    xl sysrq "$1" m 3>&- || fail "$1: xl sysrq m failed"
    wait_for_line "$1" 'sysrq: grants: ' 15 $((n + 1))
    tr -d '\r' <"$log" | sed -nE 's/.*sysrq: (vif 0: )?(pages|packets|grants):( [0-9]+,)? free ([0-9]+),.*/\2 \4/p' | tail -n 3 | tr '\n' ' '
}
has_pools() { [ "$(guest_pools "$1")" = "$2" ]; }
pools_again() {                 # NAME POOLS: it is idle, and has as much free as guest_pools said when it was idle before
    wait_until 20 has_pools "$1" "$2" || fail "$1: free are $(guest_pools "$1"); before: $2"
}

# --- machines of their own on the bridge -------------------------------------------------------------------------------

client_add() {                  # NAME: a network namespace with an eth0 on xenbr0
    ip netns add "$1"
    ip link add "v-$1" type veth peer name eth0 netns "$1"
    ip link set "v-$1" master xenbr0 up
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 up
}

client() { local ns=$1; shift; ip netns exec "$ns" "$@"; }      # NAME COMMAND...

client_udhcpc() {               # NAME [OPTION...]: busybox's DHCP client gets a lease
    local ns=$1; shift
    rm -f "/run/lease.$ns"
    step "udhcpc in $ns"
    client "$ns" env lease_file="/run/lease.$ns" udhcpc -i eth0 -f -q -n -t 6 -T 3 -s /rig/lease-script "$@" 2>&1 3>&- ||
        fail "udhcpc in $ns got no lease"
    client_has_lease "$ns"
}

client_dhclient() {             # NAME: ISC's DHCP client gets a lease and stays
    local ns=$1
    rm -f "/run/lease.$ns"
    step "dhclient in $ns"
    client "$ns" timeout $((40 * slow)) dhclient -1 -v -cf /rig/dhclient.conf -sf /rig/lease-script -e "lease_file=/run/lease.$ns" \
        -lf "/run/$ns.leases" -pf "/run/$ns.pid" eth0 2>&1 3>&- || fail "dhclient in $ns got no lease"
    client_has_lease "$ns"
}

client_udhcpd() {               # NAME [LINE...]: busybox's DHCP server, at 10.0.0.3; lines of its configuration. It says what it does in /run/case/udhcpd.log
    client_add "$1"
    ip -n "$1" addr add 10.0.0.3/24 dev eth0
    : >/run/case/leases
    printf '%s\n' 'start 10.0.0.100' 'end 10.0.0.110' 'interface eth0' 'lease_file /run/case/leases' 'pidfile /run/case/udhcpd.pid' \
        'option subnet 255.255.255.0' "${@:2}" >/run/case/udhcpd.conf
    client "$1" udhcpd -f /run/case/udhcpd.conf >/run/case/udhcpd.log 2>&1 3>&- &
}

client_has_lease() {
    [ -s "/run/lease.$1" ] || fail "the DHCP client in $1 said nothing of a lease"
    tr '\n' ' ' <"/run/lease.$1"; echo
}

lease() { sed -n "s/^$2=//p" "/run/lease.$1"; }     # NAME FIELD: ip mask router dns domain seconds server

expect_lease() {                # NAME FIELD VALUE
    local got
    got=$(lease "$1" "$2")
    [ "$got" = "$3" ] || fail "the lease in $1 has $2 '$got', not '$3'"
}
