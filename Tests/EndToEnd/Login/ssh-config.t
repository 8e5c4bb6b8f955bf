#!/usr/bin/env bash
# ssh_config as people and distributions write it: where `ssh HOST` logs in, the tunnel to HOST carries a page.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/side-by-side.sh"
lab_enter "$@"
lab_test_network
ok "the daemon is ready" lab_daemon || done_testing
echo "$LAB_SERVER4 vpn.example" >"$LAB_DIR/etc-hosts"
mount --bind "$LAB_DIR/etc-hosts" /etc/hosts
key=$(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")
printf '%s\n' "[vpn.example]:$LAB_PORT $key" "[$LAB_SERVER4]:$LAB_PORT $key" >"$LAB_DIR/kh"
base="  UserKnownHostsFile $LAB_DIR/kh
  GlobalKnownHostsFile none
  IdentityFile $LAB_DIR/client_key
  User $LAB_USER
"
CFG=$LAB_DIR/cfg DESTINATION=vpn.example
row() {
    # shellcheck disable=SC2059 # the text is a format
    printf "$2" >"$CFG"
    side_by_side "$1" "${@:3}"
}
row "an alias" "Host v\n  HostName vpn.example\n$base" -o HostName=vpn.example
DESTINATION=v row "HostName" "Host v\n  HostName vpn.example\n$base"
DESTINATION=vpn row "HostName %h" "Host vpn\n  HostName %%h.example\n$base"
row "a negated host" "Host *.example !vpn.example\n  ProxyCommand false\nHost *\n$base"
row "Match exec, one true and one false" \
    "Match host vpn.example exec \"false\"\n  ProxyCommand false\nMatch originalhost vpn.example exec \"true\"\n$base"
policy=$LAB_DIR/policy
cat >"$policy" <<'END'
Ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes128-gcm@openssh.com,aes128-ctr
MACs hmac-sha2-256-etm@openssh.com,hmac-sha1-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-512-etm@openssh.com
GSSAPIKexAlgorithms gss-curve25519-sha256-,gss-nistp256-sha256-
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256
PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256,ssh-ed25519,ssh-ed25519-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com
HostKeyAlgorithms ecdsa-sha2-nistp256,ecdsa-sha2-nistp256-cert-v01@openssh.com,ssh-ed25519,rsa-sha2-512,rsa-sha2-256
CASignatureAlgorithms ecdsa-sha2-nistp256,ssh-ed25519
RequiredRSASize 2048
END
# An ssh that was built without GSSAPI, as Debian's is from 14 on, ends at a keyword of it; ours overlooks it.
ssh -G -F "$policy" x >/dev/null 2>&1 || sed -i '/^GSSAPI/d' "$policy"
row "a distribution's policy, by Match final" "Host vpn.example\n${base}Match final all\n  Include $policy\n"
row "names of algorithms with +, - and ^" \
    "HostKeyAlgorithms +ssh-rsa\nMACs -hmac-sha1*,umac-*\nKexAlgorithms -diffie-hellman-*\nCiphers ^aes128-ctr\n$base"
row "CRLF, equals signs and quotes" \
    "Host=vpn.example\r\nUserKnownHostsFile=\"$LAB_DIR/kh\"\r\nIdentityFile = \"$LAB_DIR/client_key\"\r\nUser $LAB_USER\r\n"
row "ProxyCommand" "Host vpn.example\n  ProxyCommand $LAB_TOOL pipe %%h %%p\n$base"
row "what concerns no tunnel" \
    "ControlMaster auto\nControlPath $LAB_DIR/cm-%%r@%%h:%%p\nSendEnv LANG LC_*\nForwardAgent no\nRequestTTY no\nIPQoS af21\n$base"
row "IgnoreUnknown" "IgnoreUnknown UseKeychain\nUseKeychain yes\n$base"
row "a keyword that nobody knows" "UseKeychain yes\n$base"
row "a bad value in a block for others" "Host other\n  Port x\nHost *\n$base"
row "BatchMode, timeouts and LogLevel" \
    "BatchMode yes\nConnectTimeout none\nServerAliveInterval 1m\nServerAliveCountMax 0\nLogLevel ERROR\n$base"
row "an identity by variable and token" \
    "Host vpn.example\n  IdentityFile \${LAB_DIR}/%%L-not\n  IdentityFile \${LAB_DIR}/client_key\n  IdentitiesOnly yes\n$base"
export LAB_DIR
row "a variable that is not set" "Host vpn.example\n  IdentityFile \${NOT_SET_AT_ALL}/key\n$base"

# Names that are made whole. The client's host has a name service of its own.
lab_start names client dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --log-queries \
    --bind-interfaces --listen-address=127.0.0.1 --local=/corp.example/ --local=/other.example/ --local=// \
    --host-record="vpn.corp.example,$LAB_SERVER4" --host-record="vpn6.corp.example,$LAB_SERVER6" \
    --cname=alias.corp.example,vpn.corp.example --cname=www.other.example,vpn.corp.example
wait_for 5 _lab_listens client "udp src :53"
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >"$LAB_DIR/resolv.conf"
for name in vpn vpn6; do echo "[$name.corp.example]:$LAB_PORT $key"; done >>"$LAB_DIR/kh"
whole="CanonicalizeHostname yes\nCanonicalDomains other.example corp.example\n"
for DESTINATION in vpn vpn6 VPN vpn.corp.example.; do row "$DESTINATION is made whole" "$whole$base"; done
DESTINATION=vpn
row "without CanonicalizeHostname it is not" "CanonicalDomains corp.example\n$base"
row "the files are read again by the whole name, Host" "${whole}Host *.corp.example\n$base"
row "and Match canonical" "${whole}Match canonical host *.corp.example\n$base"
row "and Match final" "${whole}Match final host vpn.corp.example\n$base"
row "a HostName is made whole" "Host v\n  HostName %%h\n$whole${base}Host vpn\n  HostName vpn\n"
row "in no domain, CanonicalizeFallbackLocal no" \
    "CanonicalizeHostname yes\nCanonicalDomains other.example\nCanonicalizeFallbackLocal no\n$base"
DESTINATION=vpn.example row "in no domain, and known as it is" "$whole$base"
DESTINATION=vpn.corp row "more dots than CanonicalizeMaxDots 0" \
    "${whole}CanonicalDomains example\nCanonicalizeMaxDots 0\n$base"
DESTINATION=vpn.corp row "as many dots as it takes" "CanonicalizeHostname yes\nCanonicalDomains example\n$base"
DESTINATION=alias row "an alias that may not be followed" "$whole$base"
DESTINATION=alias row "an alias that may" "${whole}CanonicalizePermittedCNAMEs *.corp.example:vpn.corp.example\n$base"
DESTINATION=www row "an alias of another domain" "${whole}CanonicalizePermittedCNAMEs *.other.example:*.corp.example\n$base"
DESTINATION=www row "the same the other way round" "${whole}CanonicalizePermittedCNAMEs *.corp.example:*.other.example\n$base"
DESTINATION=www.other.example row "an alias without domains" \
    "CanonicalizeHostname yes\nCanonicalizePermittedCNAMEs *:*.corp.example\n$base"
row "beside a ProxyCommand it is not" "${whole}ProxyCommand $LAB_TOOL pipe %%h %%p\n$base"
row "but with always it is" \
    "CanonicalizeHostname always\nCanonicalDomains corp.example\nProxyCommand $LAB_TOOL pipe %%h %%p\n$base"
row "beside ProxyCommand none it is" "${whole}ProxyCommand none\n$base"
is "each name was asked for in the domains, and in no others" \
    "$(lab_log names | sed -n 's/.*query\[[^]]*\] \([^ ]*\) from.*/\1/p' | grep -v -e '\.corp\.example$' -e '\.other\.example$' -e '^vpn$' \
        -e '^alias$' -e '^www$' -e '^vpn\.corp$' -e '^vpn\.example$' | sort -u)" ""
DESTINATION=vpn.example

# The files that nobody names: the user's, then the system's.
CFG=
home=$(getent passwd "$(id -u)" | cut -d: -f6)
mkdir -p "$home/.ssh"
mount -t tmpfs -o mode=700 tmpfs "$home/.ssh"
printf 'Host *\n  ProxyCommand false\n%s  Include %s\n' "$base" "$policy" >"$LAB_DIR/system"
if [ -e /etc/ssh/ssh_config ]; then
    mount --bind "$LAB_DIR/system" /etc/ssh/ssh_config
    standard() {
        local stock=refused ours=refused
        ! lab_in client timeout 10 ssh -o BatchMode=yes -p "$LAB_PORT" vpn.example info >/dev/null 2>&1 </dev/null || stock=carried
        ! carries_a_page -p "$LAB_PORT" vpn.example || ours=carried
        is "$1: $stock" "$ours" "$stock"
    }
    standard "the system's file alone"
    printf "Host vpn.example\n  ProxyCommand none\n" >"$home/.ssh/config"
    standard "the user's file before the system's"
    chmod 666 "$home/.ssh/config"
    standard "a user's file that others may write"
fi
done_testing
