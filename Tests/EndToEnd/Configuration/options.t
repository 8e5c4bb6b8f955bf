#!/usr/bin/env bash
# Every option of the client does what its manual says: each is used once, and the difference is seen, here or in a test that is
# named here.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
printf '%s\n' "$LAB_SERVER4 dual.example" "$LAB_SERVER6 dual.example" >"$LAB_DIR/hosts"
mount --bind "$LAB_DIR/hosts" /etc/hosts
printf '[dual.example]:%s %s\n' "$LAB_PORT" "$(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")" >>"$LAB_DIR/known_hosts"
ok "the daemon is ready" lab_daemon daemon "PerSourcePenalties no" || done_testing

# saw OPTION WHAT COMMAND...: the option's difference.
seen=()
saw() {
    local option=$1
    seen+=("$option")
    shift
    ok "$option: $1" "${@:2}"
}
# elsewhere TEST OPTION...: what another test is about.
elsewhere() {
    local test option
    test=$(find "$LAB_ROOT/Tests/EndToEnd" -name "$1.t")
    for option in "${@:2}"; do saw "$option" "is what $1.t is about" grep -qF -e "$option" "$test"; done
}
common=(-o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts")
# info WORDS...: what `info` says, on both outputs.
info() { lab_in client timeout 20 "$LAB_BIN/packet-tunnel" info "$@" 2>&1 </dev/null; }
usual=(-F none -i "$LAB_DIR/client_key" -p "$LAB_PORT" "${common[@]}")
said() { info "${usual[@]}" "${@:2}" "$LAB_USER@dual.example" | grep -qE -- "$1"; }

saw -v "the steps are told" said 'connected by' -v
saw -4 "the connection is made over IPv4" said "connected by $LAB_SERVER4 " -4 -v
saw -6 "and over IPv6" said "connected by $LAB_SERVER6 " -6 -v
saw -B "the connection leaves by that interface" said '"program"' -B outer
not_ok "and by no other" said '"program"' -B lo
saw -p "another port has no server" eval 'info -F none -i "$LAB_DIR/client_key" "${common[@]}" -p 9 "$LAB_USER@dual.example" |
    grep -q "port 9 refuses"'
saw -i "without its key nobody logs in" eval 'info -F none -i "$LAB_DIR/stranger_key" -p "$LAB_PORT" "${common[@]}" \
    "$LAB_USER@dual.example" | grep -q "stranger_key.*is refused"'
printf 'Host alias\n HostName dual.example\n User %s\n Port %s\n IdentityFile %s\n' "$LAB_USER" "$LAB_PORT" "$LAB_DIR/client_key" \
    >"$LAB_DIR/config"
saw -F "the file says all about an alias" eval 'info -F "$LAB_DIR/config" "${common[@]}" alias | grep -q "\"program\""'
saw -o "an option goes before the file" eval \
    'info -F "$LAB_DIR/config" "${common[@]}" -o Port=9 alias | grep -q "port 9 refuses"'
saw --help "names the commands" eval '"$LAB_BIN/packet-tunnel" --help | grep -q keygen'
saw -h "is the same" eval 'cmp <("$LAB_BIN/packet-tunnel" -h) <("$LAB_BIN/packet-tunnel" --help)'
saw --version "names the program and the library" eval '"$LAB_BIN/packet-tunnel" --version | grep -q libssh'

# up OPTION...: a tunnel with the lab's own options and these.
up() { lab_client client client "$@"; }
mtu() { ip -n client link show "$(lab_tun client)" | grep -o 'mtu [0-9]*'; }
ok "a tunnel has the server's MTU" up
is "which is that of its own device" "$(mtu)" "mtu 1500"
lab_stop client
saw --mtu "a tunnel with another MTU" up --mtu 1300
is "has it" "$(mtu)" "mtu 1300"
like "and carries" "$(page client "$LAB_WEB4" 2>&1)" hello
lab_stop client
saw --device "a tunnel with a name of its own" up --device mine7
is "has it" "$(lab_tun client)" mine7
lab_stop client
saw --session "a tunnel with a word for its session" up --session laptop
first=$(lab_assigned client_key 4)
lab_stop client
ok "the same word again" up --session laptop
is "is the same session" "$(lab_assigned client_key 4)" "$first"
lab_stop client
saw --address "an address of one's own" up --address 10.111.0.77/24
like "is the device's" "$(ip -n client -4 addr show dev "$(lab_tun client)")" '10\.111\.0\.77/24'
lab_stop client
saw --address6 "the same for IPv6" up --address6 fd11:1111::77/64
like "is the device's, too" "$(ip -n client -6 addr show dev "$(lab_tun client)")" 'fd11:1111::77/64'
lab_stop client
for type in gso psiphon openssh; do
    saw --channel-type "$type" up --channel-type "$type"
    like "that is the channel's" "$(lab_log client)" "channel=tun[^ ]*$type"
    lab_stop client
done

# A device that somebody else has made: this program is given the descriptor, and changes nothing.
cat >"$LAB_DIR/device.py" <<'END'
import fcntl, os, struct, subprocess, sys

device = os.open("/dev/net/tun", os.O_RDWR)
os.set_inheritable(device, True)
fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", b"given0", 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
for words in sys.argv[1].split(";"):
    subprocess.run(words.split(), check=True)
os.execv(sys.argv[2], sys.argv[2:] + ["--tun-fd", str(device)])
END
lab_start given client "$LAB_ROOT/.build/python-venv/bin/python" "$LAB_DIR/device.py" \
    "ip addr add 10.9.9.9/32 dev given0;ip -6 addr add fd99::9/128 dev given0 nodad;ip link set given0 up;ip route add $LAB_WEB4 dev given0;ip -6 route add $LAB_WEB6 dev given0 src fd99::9" \
    "$LAB_BIN/packet-tunnel" up "${usual[@]}" "$LAB_USER@$LAB_SERVER4"
saw --tun-fd "a tunnel over a descriptor that was given" wait_for 10 lab_logged given '\bready\b'
like "carries IPv4" "$(page client "$LAB_WEB4" 2>&1)" hello
like "carries IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" hello
is "over that device, and no other" "$(ip -n client -o link show type tun | grep -c .)" 1
lab_stop given

saw -f "keygen makes the key where it is told" "$LAB_BIN/packet-tunnel" keygen -f "$LAB_DIR/made" -C "a comment"
saw -C "with that comment" grep -q ' a comment$' "$LAB_DIR/made.pub"

elsewhere jump-hosts -J
elsewhere via --via
elsewhere leaks --route --exclude --allow-lan --allow-leak6
elsewhere kill-switch --kill-switch --force
elsewhere resolvers --dns --dns-setup --dns-search
elsewhere no-ipv6 --allow-no-ipv6
elsewhere sudo --sudo
missing=$(comm -23 <(sed -n 's/^\.It Fl \([^ ]*\).*/-\1/p; s/^\.It .*, Fl \([^ ]*\).*/-\1/p' \
    "$LAB_ROOT/ssh-config/man/packet-tunnel.1" | sort -u) <(printf '%s\n' "${seen[@]}" | sort -u))
is "no option of the manual was left out" "$missing" ""
done_testing
