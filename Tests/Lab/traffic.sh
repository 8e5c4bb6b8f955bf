# The same traffic for every kind of client, as claims: pages, names, and transfers with the same hash at both ends. For
# tests that source tap.sh; the client's namespace is `client`.
#
#   pages WHAT [CURL OPTION...]                    a page over each family
#   names WHAT SERVER4 SERVER6                     a name over IPv4, over IPv6 and over TCP
#   download WHAT BYTES ADDRESS [CURL OPTION...]   that many bytes, and the seconds they take
#   upload WHAT BYTES ADDRESS [CURL OPTION...]
#   fetch CURL OPTION...                           curl as the client
#   hash_of BYTES                                  what such a transfer has to have
#
# LAB_BYTES is the size of a large transfer: 1 GiB, or TRANSFER_BYTES.

LAB_BYTES=${TRANSFER_BYTES:-1073741824}

fetch() { lab_in client curl --silent --show-error --max-time 180 "$@"; }
hash_of() { lab_in target curl --silent "http://127.0.0.1/sha256/$1"; }

pages() {
    local what=$1
    shift
    like "$what: a page over IPv4" "$(fetch --max-time 5 "$@" "http://$LAB_WEB4/" 2>&1)" "from $LAB_EGRESS4\$"
    like "$what: a page over IPv6" "$(fetch --max-time 5 "$@" "http://[$LAB_WEB6]/" 2>&1)" "from $LAB_EGRESS6\$"
}

names() {
    is "$1: a name over IPv4" "$(_ask "@$2" "$LAB_NAME" A)" "$LAB_WEB4"
    is "$1: a name over IPv6" "$(_ask "@$3" "$LAB_NAME" AAAA)" "$LAB_WEB6"
    is "$1: a name over TCP" "$(_ask +tcp "@$2" "$LAB_NAME" A)" "$LAB_WEB4"
}
_ask() { lab_in client dig +short +time=2 +tries=2 "$@" 2>&1; }

download() {
    local what=$1 bytes=$2 address=$3 expected started
    shift 3
    expected=$(hash_of "$bytes")
    started=$SECONDS
    is "$what: a download of $bytes bytes from $address is intact" \
        "$(fetch "$@" "http://$address/blob/$bytes" | sha256sum | cut -d' ' -f1)" "$expected"
    diag "$((SECONDS - started)) s"
}

upload() {
    local what=$1 bytes=$2 address=$3 expected started
    shift 3
    expected=$(hash_of "$bytes")
    started=$SECONDS
    is "$what: an upload of $bytes bytes to $address is intact" \
        "$(_blob "$bytes" | fetch "$@" --header "Content-Length: $bytes" --header "Transfer-Encoding:" \
            --upload-file - "http://$address/")" "$bytes $expected"
    diag "$((SECONDS - started)) s"
}

# What the web server's page of that size has: its file, repeated.
_blob() {
    local left=$1 piece
    piece=$(stat -c %s "$LAB_DIR/blob")
    while [ "$left" -gt 0 ]; do
        head -c "$((left < piece ? left : piece))" "$LAB_DIR/blob"
        left=$((left - piece))
    done
}
