/* What the kernel has measured of a connection's path. In a file of its own: the C library's struct tcp_info ends before these
 * fields, and its header cannot be included beside the kernel's. */
#include "CLibSSH.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void measure_bbr(int descriptor, struct libssh_shim_path *path)
{
    union tcp_cc_info info;
    socklen_t length = sizeof info;

    /* The figures of others are shorter, or none. */
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_CC_INFO, &info, &length) != 0 || length < sizeof info.bbr)
        return;
    path->bbr_bytes_per_second = (uint64_t)info.bbr.bbr_bw_hi << 32 | info.bbr.bbr_bw_lo;
    /* The gain has 8 binary places. It is 2.89 then, or 2.77 in later versions, and 1.25 at most from then on. */
    path->is_bbr_starting = info.bbr.bbr_pacing_gain > 2 << 8;
}

int libssh_shim_measure_path(int descriptor, struct libssh_shim_path *path)
{
    struct tcp_info info = {0}; /* older kernels fill less of it */
    socklen_t length = sizeof info;

    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return -errno;
    *path = (struct libssh_shim_path){
        /* Before the first measurement the least round trip is the greatest number. */
        .round_trip_us = info.tcpi_min_rtt != 0 && info.tcpi_min_rtt != UINT32_MAX ? info.tcpi_min_rtt : info.tcpi_rtt,
        .smoothed_round_trip_us = info.tcpi_rtt,
        .bytes_sent = info.tcpi_bytes_sent,
        .bytes_sent_again = info.tcpi_bytes_retrans,
        .bytes_acknowledged = info.tcpi_bytes_acked,
        .bytes_per_second = info.tcpi_delivery_rate,
        .window_per_second =
            info.tcpi_rtt == 0 ? 0 : (uint64_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss * 1000000 / info.tcpi_rtt,
        .segments_under_way = info.tcpi_unacked,
        .bytes_unsent = info.tcpi_notsent_bytes,
        .is_in_slow_start = info.tcpi_snd_cwnd < info.tcpi_snd_ssthresh,
    };
    measure_bbr(descriptor, path);
    return 0;
}
