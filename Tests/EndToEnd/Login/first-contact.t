#!/usr/bin/env bash
# The first contact: what a person is asked and told before anything works, and that doing what it says makes it work.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/stock.sh"
lab_enter "$@"
lab_test_network
printf '%s\n' "$LAB_SERVER4 vpn.example" "$LAB_SERVER6 vpn6.example" "192.0.2.77 silent.example" >"$LAB_DIR/hosts"
mount --bind "$LAB_DIR/hosts" /etc/hosts
: >"$LAB_DIR/kh"
ok "the daemon is ready" lab_daemon || done_testing
# quoted TEXT: as a regular expression.
quoted() { sed 's/[][().*+?^$\\|{}]/\\&/g' <<<"$1"; }
fingerprint=$(ssh-keygen -lf "$LAB_DIR/host_key.pub" | cut -d' ' -f2)

# ask LOG HOST [OPTION...]: `info` with KEY, without a terminal; what it said is in LOG.
KEY=$LAB_DIR/client_key
ask() {
    lab_in client timeout 20 "$LAB_BIN/packet-tunnel" info -F none -i "$KEY" \
        -o "UserKnownHostsFile=$LAB_DIR/kh" -o GlobalKnownHostsFile=none "${@:3}" "$LAB_USER@$2" >"$LAB_DIR/$1" 2>&1 </dev/null
}
# at_terminal ANSWER... -- COMMAND...: in a terminal, where a question is answered by the next ANSWER.
at_terminal() {
    local answers=()
    while [ "$1" != -- ]; do
        answers+=(--answer "$1")
        shift
    done
    shift
    lab_in client timeout 20 "$LAB_TOOL" terminal "${answers[@]}" "$@" | tr -d '\r'
}
info=("$LAB_BIN/packet-tunnel" info -F none -i "$LAB_DIR/client_key" -o "UserKnownHostsFile=$LAB_DIR/kh"
    -o GlobalKnownHostsFile=none -p "$LAB_PORT")

# An unknown host.
for host in vpn.example vpn6.example "$LAB_SERVER6"; do
    name="[$host]:$LAB_PORT"
    said=$(at_terminal no -- "${info[@]}" "$LAB_USER@$host")
    like "$host: the question names the host" "$said" "The host \\[$host\\]:$LAB_PORT is not known"
    like "$host: and shows the fingerprint" "$said" "ssh-ed25519 $(quoted "$fingerprint")"
    like "$host: and says how to compare it on the server" "$said" "ssh-keygen -lf /etc/packet-tunnel/ssh_host_ed25519_key"
    like "$host: and where the key is kept" "$said" "keep this key in $LAB_DIR/kh"
    is "$host: a no keeps nothing" "$(grep -cF "$name" "$LAB_DIR/kh")" 0
    said=$(at_terminal perhaps yes -- "${info[@]}" "$LAB_USER@$host")
    like "$host: anything but yes and no is asked again" "$said" 'type "yes" or "no"'
    like "$host: a yes goes on" "$said" '"program"'
    is "$host: and keeps the key" "$(cat "$LAB_DIR/kh")" "$name $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")"
    ok "$host: from then on nothing is asked" ask said "$host" -p "$LAB_PORT"
    : >"$LAB_DIR/kh"
    not_ok "$host: without a terminal it is refused" ask said "$host" -p "$LAB_PORT"
    said=$(cat "$LAB_DIR/said")
    like "$host: with the fingerprint, and the command for the server" "$said" "$(quoted "$fingerprint").*/etc/packet-tunnel/ssh_host_ed25519_key"
    like "$host: and the file where the line belongs" "$said" "add this line to $LAB_DIR/kh"
    grep -F "$name ssh-ed25519" <<<"$said" | sed 's/^ *//' >>"$LAB_DIR/kh"
    ok "$host: with that line in that file it connects" ask said "$host" -p "$LAB_PORT"
    : >"$LAB_DIR/kh"
done

# Another key than the one that is known.
echo "[vpn.example]:$LAB_PORT $(cut -d' ' -f1,2 "$LAB_DIR/other_host_key.pub")" >"$LAB_DIR/kh"
not_ok "a changed key is refused" ask said vpn.example -p "$LAB_PORT"
said=$(cat "$LAB_DIR/said")
known=$(ssh-keygen -lf "$LAB_DIR/other_host_key.pub" | cut -d' ' -f2)
like "both keys are shown, and where the old one stands" "$said" \
    "Known: ssh-ed25519 $(quoted "$known") [(]$LAB_DIR/kh:1[)]. Offered: ssh-ed25519 $(quoted "$fingerprint")"
remove=$(grep -o "ssh-keygen -f '[^']*' -R '[^']*'" <<<"$said")
ok "the command that removes the old one works" bash -c "$remove"
grep -F "[vpn.example]:$LAB_PORT ssh-ed25519" <<<"$said" | sed 's/^ *//' >>"$LAB_DIR/kh"
ok "with the line that it prints it connects" ask said vpn.example -p "$LAB_PORT"

# A key of one's own.
new="$LAB_DIR/home/new/id"
said=$(lab_in client "$LAB_BIN/packet-tunnel" keygen -f "$new" -C "alice's laptop" 2>"$LAB_DIR/said" </dev/null)
like "keygen prints the line for the server" "$said" "^ssh-ed25519 [A-Za-z0-9+/=]+ alice's laptop\$"
like "and says where it belongs" "$(cat "$LAB_DIR/said")" "/etc/packet-tunnel/authorized_keys/USER"
is "the private half is its owner's alone" "$(stat -c %a "$new")" 600
is "it is a pair that ssh-keygen knows" "$(ssh-keygen -y -f "$new" | cut -d' ' -f1,2)" "$(cut -d' ' -f1,2 "$new.pub")"
KEY=$new
not_ok "before that the key is refused" ask said vpn.example -p "$LAB_PORT"
like "the server refuses the key, and the way to make it known is named" "$(cat "$LAB_DIR/said")" \
    "the server refuses to log in $LAB_USER: $new \\(SHA256:.*\\) is refused.*authorized_keys.*keygen"
echo "$said" >>"$LAB_DIR/authorized_keys"
ok "with the line the key logs in" ask said vpn.example -p "$LAB_PORT"
KEY=$LAB_DIR/client_key
again=$(lab_in client "$LAB_BIN/packet-tunnel" keygen -f "$new" -C "alice's laptop" 2>"$LAB_DIR/said" </dev/null)
is "once more it shows the same line" "$again" "$said"
like "and says that the key was there" "$(cat "$LAB_DIR/said")" "is there already"
at_terminal secret secret -- "$LAB_BIN/packet-tunnel" keygen -f "$new-locked" -C x >/dev/null
not_ok "in a terminal it may have a passphrase" ssh-keygen -y -P '' -f "$new-locked"
ok "which opens it" ssh-keygen -y -P secret -f "$new-locked"
echo junk >"$new-junk"
not_ok "a file that is no key is left alone" lab_in client "$LAB_BIN/packet-tunnel" keygen -f "$new-junk"
is "to the byte" "$(cat "$new-junk")" junk

# Another server than ours, at the port that it usually has.
if [ "$(id -u)" = 0 ] && command -v sshd >/dev/null; then
    cp "$LAB_DIR/client_key.pub" "$LAB_DIR/stock_keys_root"
    : >"$LAB_DIR/none.conf"
    LAB_STOCK_PORT=22
    ok "a stock sshd has port 22" lab_stock_sshd sshd "$LAB_DIR/none.conf"
    for host in vpn.example vpn6.example; do
        echo "$host $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")" >>"$LAB_DIR/kh"
        KEY=$LAB_DIR/stranger_key
        not_ok "$host: it refuses the user" ask said "$host" -o User=root
        KEY=$LAB_DIR/client_key
        like "$host: and the hint is another port" "$(cat "$LAB_DIR/said")" \
            "Port 22 is answered by SSH-2.0-OpenSSH.*not by packet-tunneld.*-p 2222"
    done
    for what in info up; do
        not_ok "$what: a login that sshd accepts brings no tunnel" lab_in client timeout 20 "$LAB_BIN/packet-tunnel" "$what" -F none -i "$LAB_DIR/client_key" \
            -o "UserKnownHostsFile=$LAB_DIR/kh" root@vpn.example </dev/null
        like "$what: and the hint is the same" "$(cat "$LAB_DIR/said")" "SSH-2.0-OpenSSH.*not.*packet-tunneld.*-p 2222"
    done
    : >"$LAB_DIR/kh"
    not_ok "its host key is asked about" ask said vpn.example
    like "with the place where sshd has it" "$(cat "$LAB_DIR/said")" "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key"
    echo "vpn.example $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")" >>"$LAB_DIR/kh"
    lab_stop sshd
    printf 'PubkeyAuthentication no\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\n' >"$LAB_DIR/passwords.conf"
    ok "a sshd that takes passwords alone" lab_stock_sshd sshd "$LAB_DIR/passwords.conf"
    not_ok "refuses the key" ask said vpn.example
    like "and is named as such" "$(cat "$LAB_DIR/said")" "takes no public keys from $LAB_USER, but passwords.*PubkeyAuthentication"
    lab_stop sshd
fi

# Who is at fault.
fault() { # fault WHAT STATUS REGEX HOST [OPTION...]
    ask said "${@:4}"
    is "$1: the exit status is $2" "$?" "$2"
    like "$1: the message" "$(cat "$LAB_DIR/said")" "$3"
}
fault "a name that there is not" 69 "cannot (find|look up) nowhere.example port $LAB_PORT.*DNS" nowhere.example -p "$LAB_PORT"
fault "nobody at port 22" 69 "vpn.example port 22 refuses the connection: no SSH server listens there.*-p 2222" vpn.example
fault "nobody at another port" 69 "vpn6.example port 23 refuses the connection: no SSH server listens there\$" vpn6.example -p 23
fault "silence" 69 "silent.example port $LAB_PORT|cannot reach silent.example" silent.example -p "$LAB_PORT" -o ConnectTimeout=2
lab_web server web-server
fault "a web server" 75 "vpn.example port 80 has closed the connection before any greeting: it is no SSH server" vpn.example -p 80 -o ConnectTimeout=4
fault "a jump host that there is not" 69 "jump host nowhere.example: cannot (find|look up) nowhere.example" vpn.example -J nowhere.example
KEY=$LAB_DIR/no_key fault "a key file that there is not" 77 "$LAB_DIR/no_key: No such file" vpn.example -p "$LAB_PORT"
KEY=$LAB_DIR/stranger_key fault "a key that the server does not know" 77 \
    "the server refuses to log in $LAB_USER: $LAB_DIR/stranger_key .* is refused" vpn.example -p "$LAB_PORT"

# An address that this host's network has.
before=$(lab_snapshot client)
for address in "--address 192.0.2.9/32" "--address 192.0.2.200/24" "--address6 2001:db8:1::9/128"; do
    lab_start local client "$LAB_BIN/packet-tunnel" up "$LAB_USER@vpn.example" -p "$LAB_PORT" -i "$LAB_DIR/client_key" -F none \
        -o "UserKnownHostsFile=$LAB_DIR/kh" $address
    lab_wait local 10
    is "$address is refused" "$LAB_STATUS" 64
    like "$address: with the network, and what to do" "$(lab_log local)" \
        "${address% *} ${address#* } lies in this host's own network (192.0.2.0/25|2001:db8:1::/64); choose an address of another"
done
is "and nothing was set up" "$(lab_snapshot client)" "$before"
done_testing
