/* SPDX-License-Identifier: ISC */
/* tcp_info.c - a connection's state for people and tests. */
#include "tcpip/tcp_priv.h"

static void fill_ends(struct tcp_info *info, const struct tcp_conn *conn)
{
    const struct tcp_key *key = &conn->link.key;

    info->state = conn->state;
    info->ca_state = conn->flight.ca_state;
    info->ts_ok = conn->ts_ok;
    info->sack_ok = conn->sack_ok;
    info->wscale_ok = conn->wscale_ok;
    info->ecn_ok = conn->ecn_ok;
    info->ecn_seen = conn->ecn_seen;
    info->snd_wscale = conn->snd_wscale;
    info->rcv_wscale = conn->rcv_wscale;
    info->src = key->src;
    info->dst = key->dst;
    info->src_port = key->src_port;
    info->dst_port = key->dst_port;
    info->snd_mss = conn->mss;
    info->rcv_mss = conn->rcv.mss;
    info->advmss = tcp_conn_mss_offer(conn->tcp, conn->mss_max) - tcp_options_len(conn);
    info->pmtu = conn->mtu;
}

static void fill_sending(struct tcp_info *info, const struct tcp_conn *conn)
{
    const struct tcp_flight *flight = &conn->flight;

    info->rto_ns = tcp_rtt_rto(&conn->rtt, &conn->tcp->conf.tuning);
    info->srtt_ns = conn->rtt.srtt_ns;
    info->rttvar_ns = conn->rtt.rttvar_ns;
    info->min_rtt_ns = conn->rtt.min_ns == UINT64_MAX ? 0 : conn->rtt.min_ns;
    info->cwnd = conn->cc.cwnd;
    info->ssthresh = conn->cc.ssthresh;
    info->packets_out = flight->out;
    info->sacked_out = flight->sacked;
    info->lost_out = flight->lost;
    info->retrans_out = flight->retrans;
    info->reordering = flight->reordering;
    info->reord_seen = flight->reord_seen;
    info->dsack_dups = flight->dsack_dups;
    info->snd_wnd = conn->snd_wnd;
    info->sndbuf = conn->snd.limit;
    info->unsent = tcp_sndbuf_unsent(conn);
    info->retransmits = conn->state < TCP_ESTABLISHED ? conn->syn_tries : flight->rtos;
    info->backoff = conn->rtt.backoff;
    info->probes = conn->probes;
    info->total_retrans = conn->total_retrans;
    info->segs_out = conn->segs_out;
    info->data_segs_out = conn->data_segs_out;
    info->bytes_acked = conn->bytes_acked;
    info->bytes_sent = conn->bytes_sent;
    info->bytes_retrans = conn->bytes_retrans;
    info->delivered = conn->delivered;
    info->delivered_ce = conn->delivered_ce;
    info->rtos = conn->rtos_total;
    info->recoveries = conn->recoveries;
    if (conn->rate_ns != 0)
        info->delivery_rate = conn->rate_bytes * NS_PER_S / conn->rate_ns;
}

static void fill_receiving(struct tcp_info *info, const struct tcp_conn *conn)
{
    info->ato_ns = conn->rcv.ato_ns;
    info->rcv_rtt_ns = conn->rcv.rtt_ns;
    info->rcv_wnd = tcp_window_offered(conn);
    info->rcv_ssthresh = conn->rcv.ssthresh;
    info->rcvbuf = conn->rcv.limit;
    info->segs_in = conn->segs_in;
    info->data_segs_in = conn->data_segs_in;
    info->rcv_ooo = conn->rcv_ooo;
    info->bytes_received = conn->bytes_received;
}

static uint64_t since(uint64_t at, uint64_t now)
{
    return at == 0 || at > now ? 0 : now - at;
}

int tcp_info(const struct tcp *tcp, tcp_t handle, uint64_t now_ns, struct tcp_info *info)
{
    const struct tcp_conn *conn = tcp_conn_of(tcp, handle);

    if (conn == NULL)
        return -E_BADF;
    *info = (struct tcp_info){.ca_state = TCP_CA_OPEN};
    fill_ends(info, conn);
    fill_sending(info, conn);
    fill_receiving(info, conn);
    info->since_data_sent_ns = since(conn->sent_at, now_ns);
    info->since_data_recv_ns = since(conn->received_at, now_ns);
    info->since_ack_recv_ns = since(conn->ack_at, now_ns);
    tcp_chrono(conn, now_ns, &info->busy_ns, &info->rwnd_limited_ns, &info->sndbuf_limited_ns);
    return 0;
}
