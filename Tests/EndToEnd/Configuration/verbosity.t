#!/usr/bin/env bash
# What -v and -vv tell of a connection, and what the daemon's log says of one that never was SSH.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
ok "the daemon is ready" lab_daemon daemon "PerSourcePenalties no" || done_testing
# told ADDRESS [OPTION...]: what `info` says beside its answer.
told() {
    lab_in client "$LAB_BIN/packet-tunnel" info -F none -i "$LAB_DIR/stranger_key" -i "$LAB_DIR/client_key" "${@:2}" \
        -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts" \
        -p "$LAB_PORT" "$LAB_USER@$1" 2>&1 >/dev/null </dev/null
}
for server in "$LAB_SERVER4" "$LAB_SERVER6"; do
    is "$server: without -v nothing is told" "$(told "$server")" ""
    said=$(told "$server" -v)
    line=$(grep -nF "[$server]:$LAB_PORT" "$LAB_DIR/known_hosts" | cut -d: -f1)
    like "$server: -v tells where it connects" "$said" "debug1: connecting to $server port $LAB_PORT"
    like "$server: what answers" "$said" "debug1: connected by .*the server greets as SSH-2.0-"
    like "$server: which line has the host key" "$said" "debug1: host key ssh-ed25519 .* is known .*known_hosts:$line\\)"
    like "$server: each key that is offered" "$(tr '\n' ' ' <<<"$said")" "offering .*/stranger_key .*offering .*/client_key "
    like "$server: that it is logged in" "$said" "debug1: logged in as $LAB_USER"
    is "$server: and no more" "$(grep -vc '^packet-tunnel: debug1: ' <<<"$said")" 0
    said=$(told "$server" -vv)
    like "$server: -vv tells the settings, too, and where they are from" "$said" "debug2: identityfile .*/client_key \\(-i\\)"
    like "$server: and the algorithms" "$said" 'debug2: key exchange [^ ]*, cipher aes256-gcm@openssh.com'
    like "$server: besides what -v does" "$said" 'debug1: logged in'
done
lab_client_words
lab_start up client "$LAB_BIN/packet-tunnel" "${LAB_CLIENT_WORDS[@]}" -v
ok "a tunnel is ready" wait_for 10 lab_logged up '\bready\b'
ok "up tells the same" lab_logged up 'debug1: logged in as'
lab_stop up
lab_stop daemon

# A program that takes the daemon for a web server, and goes at once, or after a few bytes of the greeting.
ok "the daemon is ready again" lab_daemon web-server "PerSourcePenalties no"
probe() {
    lab_in client bash -c 'for number in {1..60}; do
        exec 3<>"/dev/tcp/$0/$1" && printf "GET / HTTP/1.1\r\nHost: x\r\n\r\n" >&3
        [ $((number % 2)) = 0 ] || head -c 10 <&3 >/dev/null
        exec 3>&-
    done' "$1" "$LAB_PORT"
}
for server in "$LAB_SERVER4" "$LAB_SERVER6"; do probe "$server"; done
ok "the log has lines about them" wait_for 5 lab_logged web-server 'ended before login'
lab_stop web-server
is "each with a reason of its own, none left from another call" "$(lab_log web-server | grep -c 'Resource temporarily')" 0
is "nothing is a warning" "$(lab_log web-server | grep -cE ' (warning|error) ')" 0
done_testing
