/* What the kernel has measured of a connection's path. In a file of its own: the C library's struct tcp_info ends before these
 * fields, and its header cannot be included beside the kernel's. */
#include "CLibSSH.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

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
    return 0;
}
