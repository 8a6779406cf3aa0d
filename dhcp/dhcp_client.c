/* SPDX-License-Identifier: ISC */
/* dhcp_client.c - the DHCP client's states (RFC 2131 figure 5): pure.
 *
 * Theory of operation
 *
 *     INIT --> SELECTING --offer--> REQUESTING --ack--> PROBING --nobody has it--> BOUND
 *       |                                                  ^                       |   ^
 *       +--an address is remembered--> REBOOTING ---ack----+                      T1   | ack
 *                                                                                  v   |
 *                                                             REBINDING <--T2-- RENEWING
 *
 * Whatever goes wrong leads back to INIT: a refusal (NAK), silence, an address that somebody else
 * has, the end of the lease. INIT's wait doubles with every failure in a row, so that a server
 * that offers and refuses, or offers what is taken, is not a storm.
 *
 * The first offer that will do is taken. One exchange, one random xid; in RENEWING and REBINDING
 * each message has its own, for a lease counts from when the message that was answered was sent
 * (section 4.4.1), and only so is that known. In REQUESTING, where the offer's xid is used again,
 * it counts from the first message: too early by seconds rather than too late.
 *
 * What is to be done is handed out one thing a call by dhcp_client_poll, in the order in which it
 * must happen: an address that is lost is dropped before anything else is sent; one that is given
 * back, after. */
#include "dhcp_client_priv.h"

#include "base/siphash.h"

/* RFC 2131 section 4.1: 4, 8, 16, 32, 64 s, each a random second more or less. */
#define BACKOFF_NS (4 * NS_PER_S)
#define BACKOFF_MAX_NS (64 * NS_PER_S)
/* section 3.1.5: 4 + 8 + 16 + 32 s, and INIT */
#define REQUEST_TRIES 4u
/* 4 + 8 s: an address that is remembered is worth less than a quick start */
#define REBOOT_TRIES 2u
/* section 4.4.5 */
#define EXTEND_WAIT_MIN_NS (60 * NS_PER_S)
/* section 3.1.5 */
#define DECLINE_WAIT_NS (10 * NS_PER_S)
#define FAILURE_WAIT_MAX_NS (64 * NS_PER_S)

#define CLIENT_NAME(name) #name,
#define NAMES_OF(function, argument, TABLE, COUNT)                                                 \
    const char *function(argument what)                                                            \
    {                                                                                              \
        static const char *const names[] = {TABLE(CLIENT_NAME)};                                   \
        STATIC_ASSERT(ARRAY_SIZE(names) == (COUNT), "a name for each");                            \
        return (unsigned)what < (COUNT) ? names[what] : "?";                                       \
    }
NAMES_OF(dhcp_client_state_name, enum dhcp_client_state, DHCP_CLIENT_STATES,
         DHCP_CLIENT_STATE_COUNT)
NAMES_OF(dhcp_client_answer_name, enum dhcp_client_answer, DHCP_CLIENT_ANSWERS,
         DHCP_CLIENT_ANSWER_COUNT)
NAMES_OF(dhcp_client_note_name, enum dhcp_client_note, DHCP_CLIENT_NOTES, DHCP_CLIENT_NOTE_COUNT)

static uint64_t random_of(struct dhcp_client *client)
{
    struct siphash s = siphash_begin(client->conf.key);

    siphash_absorb(&s, client->random_count++, 2);
    return siphash_end(&s, 4);
}

static uint64_t later(uint64_t at, uint64_t ns)
{
    return ns < NS_NEVER - at ? at + ns : NS_NEVER - 1;
}

/* ---- states ---------------------------------------------------------------------------------- */

/* Enters a state in which something is asked, at once. */
static void enter(struct dhcp_client *client, enum dhcp_client_state state, uint64_t now)
{
    client->state = state;
    client->asking = false;
    client->tries = 0;
    client->next_at = now;
    if (state != DHCP_CLIENT_REQUESTING)
        client->xid = (uint32_t)random_of(client);
    if (state != DHCP_CLIENT_REQUESTING && state != DHCP_CLIENT_REBINDING)
        client->began_at = now;
}

static void enter_init(struct dhcp_client *client, uint64_t wait_ns, uint64_t now)
{
    client->state = DHCP_CLIENT_INIT;
    client->asking = false;
    client->next_at = later(now, wait_ns);
}

/* Back to the beginning: the first time at once, then after 2, 4, ... 64 s. */
static void fail(struct dhcp_client *client, uint64_t wait_ns, uint64_t now)
{
    uint64_t backoff = 0;

    if (client->failures != 0)
        backoff =
            u64_min(NS_PER_S << (client->failures < 6 ? client->failures : 6), FAILURE_WAIT_MAX_NS);
    if (client->failures < 6)
        client->failures++;
    enter_init(client, backoff > wait_ns ? backoff : wait_ns, now);
}

/* The address must not be used any more. */
static void lose_address(struct dhcp_client *client)
{
    client->do_probe = client->do_use = false;
    client->in_use = false;
    client->do_drop = true;
    client->drop_addr = client->lease.addr;
}

static bool has_address(const struct dhcp_client *client)
{
    return client->in_use || client->state == DHCP_CLIENT_PROBING;
}

static void bind(struct dhcp_client *client)
{
    client->state = DHCP_CLIENT_BOUND;
    client->asking = false;
    client->do_use = true;
    client->failures = 0;
    if (client->in_use)
        client->stats.renewals++;
    else
        client->stats.leases++;
    client->in_use = true;
}

static void give_up_asking(struct dhcp_client *client, uint64_t now)
{
    client->stats.timeouts++;
    if (client->state == DHCP_CLIENT_REQUESTING) {
        fail(client, 0, now);
    } else if (client->in_use) {
        /* RFC 2131 section 3.2: what is left of the lease may be used. */
        client->state = DHCP_CLIENT_BOUND;
        client->asking = false;
    } else {
        client->conf.remembered = 0;
        enter(client, DHCP_CLIENT_SELECTING, now);
    }
}

/* What time alone does. */
static void run_times(struct dhcp_client *client, uint64_t now)
{
    if (has_address(client) && now >= client->ends_at) {
        bool used = client->in_use;

        client->stats.expiries++;
        lose_address(client);
        if (used)
            enter_init(client, 0, now);
        else
            fail(client, 0, now); /* over before it was probed: not at once again */
    }
    if (client->next_at <= now &&
        ((client->state == DHCP_CLIENT_REQUESTING && client->tries == REQUEST_TRIES) ||
         (client->state == DHCP_CLIENT_REBOOTING && client->tries == REBOOT_TRIES)))
        give_up_asking(client, now);
    if (client->state == DHCP_CLIENT_BOUND && now >= client->t1_at)
        enter(client, DHCP_CLIENT_RENEWING, now);
    if (client->state == DHCP_CLIENT_RENEWING && now >= client->t2_at)
        enter(client, DHCP_CLIENT_REBINDING, now);
    if (client->state == DHCP_CLIENT_INIT && now >= client->next_at)
        enter(client, client->conf.remembered != 0 ? DHCP_CLIENT_REBOOTING : DHCP_CLIENT_SELECTING,
              now);
}

/* ---- out ------------------------------------------------------------------------------------- */

static bool extends(const struct dhcp_client *client)
{
    return client->state == DHCP_CLIENT_RENEWING || client->state == DHCP_CLIENT_REBINDING;
}

static bool asks(const struct dhcp_client *client)
{
    return client->state == DHCP_CLIENT_SELECTING || client->state == DHCP_CLIENT_REQUESTING ||
           client->state == DHCP_CLIENT_REBOOTING || extends(client);
}

/* When the message that goes out now is sent again. */
static uint64_t next_of(struct dhcp_client *client, uint64_t now)
{
    uint64_t end = client->state == DHCP_CLIENT_RENEWING ? client->t2_at : client->ends_at, wait;

    if (extends(client)) {
        wait = (end - now) / 2;
        return later(now, wait < EXTEND_WAIT_MIN_NS ? EXTEND_WAIT_MIN_NS : wait);
    }
    wait = BACKOFF_NS << (client->tries < 5 ? client->tries : 5);
    wait = u64_min(wait, BACKOFF_MAX_NS) - NS_PER_S + random_of(client) % (2 * NS_PER_S);
    return later(now, wait);
}

static void fill_step(const struct dhcp_client *client, struct dhcp_client_step *step,
                      enum dhcp_type type, uint32_t addr, uint32_t server)
{
    bool from_addr = type == DHCPRELEASE || (type == DHCPREQUEST && extends(client));
    bool to_server = type == DHCPRELEASE || client->state == DHCP_CLIENT_RENEWING;

    step->type = (uint8_t)type;
    step->src = from_addr ? client->lease.addr : 0;
    step->dst = to_server ? client->lease.server : UINT32_MAX;
    step->len = dhcp_client_write(client, type, addr, server, step->buf);
}

/* The message that the state is to send now. */
static void send_request(struct dhcp_client *client, struct dhcp_client_step *step, uint64_t now)
{
    bool discover = client->state == DHCP_CLIENT_SELECTING;
    uint64_t seconds = (now - client->began_at) / NS_PER_S;

    if (extends(client) && client->tries != 0)
        client->xid = (uint32_t)random_of(client);
    /* RFC 2131 section 4.4.1: a REQUEST says what the DISCOVER said. */
    if (client->state != DHCP_CLIENT_REQUESTING)
        client->secs = (uint16_t)u64_min(seconds, UINT16_MAX);
    if (client->tries == 0 || extends(client))
        client->asked_at = now;
    client->stats.retransmitted += client->tries != 0;
    client->next_at = next_of(client, now);
    client->tries++;
    client->asking = true;
    fill_step(client, step, discover ? DHCPDISCOVER : DHCPREQUEST, 0, 0);
}

/* Hands out what stands in `flag`, once. */
static bool take(bool *flag)
{
    bool was = *flag;

    *flag = false;
    return was;
}

enum dhcp_client_do dhcp_client_poll(struct dhcp_client *client, uint64_t now_ns,
                                     struct dhcp_client_step *step)
{
    run_times(client, now_ns);
    if (take(&client->do_release)) {
        client->xid = (uint32_t)random_of(client);
        fill_step(client, step, DHCPRELEASE, client->lease.addr, client->lease.server);
    } else if (take(&client->do_drop)) {
        step->addr = client->drop_addr;
        return DHCP_CLIENT_DROP;
    } else if (take(&client->do_decline)) {
        client->xid = (uint32_t)random_of(client);
        fill_step(client, step, DHCPDECLINE, client->decline_addr, client->decline_server);
    } else if (take(&client->do_probe)) {
        step->addr = client->lease.addr;
        return DHCP_CLIENT_PROBE;
    } else if (take(&client->do_use)) {
        return DHCP_CLIENT_USE;
    } else if (asks(client) && now_ns >= client->next_at) {
        send_request(client, step, now_ns);
    } else {
        return DHCP_CLIENT_WAIT;
    }
    client->stats.sent[step->type]++;
    return DHCP_CLIENT_SEND;
}

uint64_t dhcp_client_poll_at(const struct dhcp_client *client)
{
    uint64_t at = NS_NEVER;

    if (client->do_release || client->do_drop || client->do_decline || client->do_probe ||
        client->do_use)
        return 0;
    if (client->state == DHCP_CLIENT_INIT || asks(client))
        at = client->next_at;
    if (client->state == DHCP_CLIENT_BOUND)
        at = client->t1_at;
    if (client->state == DHCP_CLIENT_RENEWING)
        at = u64_min(at, client->t2_at);
    return has_address(client) ? u64_min(at, client->ends_at) : at;
}

/* ---- in -------------------------------------------------------------------------------------- */

/* Is it an answer to what we asked last? DHCP_CLIENT_ANSWER_acknowledged: yes. */
static enum dhcp_client_answer check_ours(struct dhcp_client *client, struct cs_ro bytes)
{
    const struct dhcp_msg *msg = &client->msg;
    enum dhcp_wire_error error = dhcp_parse(bytes, &client->msg);
    struct cs_ro id;

    if (error != DHCP_WIRE_ok) {
        client->stats.malformed[error]++;
        return DHCP_CLIENT_ANSWER_malformed;
    }
    if (msg->op != BOOTREPLY)
        return DHCP_CLIENT_ANSWER_not_a_reply;
    if (msg->htype != DHCP_HTYPE_ETHERNET || msg->hlen != sizeof(client->conf.mac) ||
        memcmp(msg->chaddr.base, client->conf.mac, sizeof(client->conf.mac)) != 0)
        return DHCP_CLIENT_ANSWER_other_client;
    if (!client->asking || msg->xid != client->xid)
        return DHCP_CLIENT_ANSWER_other_xid;
    if (msg->type == DHCP_NONE)
        return DHCP_CLIENT_ANSWER_bootp;
    id = dhcp_msg_opt(msg, DHCP_OPT_CLIENT_ID);
    if (id.len != 0 && !cs_equal(id, cs_ro_of(client->id, client->id_len)))
        return DHCP_CLIENT_ANSWER_other_client_id;
    return DHCP_CLIENT_ANSWER_acknowledged;
}

/* The server that alone may answer; 0: any. */
static uint32_t server_of(const struct dhcp_client *client)
{
    if (client->state == DHCP_CLIENT_REQUESTING)
        return client->offered_server;
    return client->state == DHCP_CLIENT_RENEWING ? client->lease.server : 0;
}

static uint32_t wanted_addr(const struct dhcp_client *client)
{
    if (client->state == DHCP_CLIENT_REQUESTING)
        return client->offered_addr;
    return client->in_use ? client->lease.addr : client->conf.remembered;
}

static enum dhcp_client_answer take_offer(struct dhcp_client *client, uint64_t now)
{
    struct dhcp_client_lease lease;
    enum dhcp_client_answer answer;

    if (client->state != DHCP_CLIENT_SELECTING)
        return DHCP_CLIENT_ANSWER_unexpected;
    answer = dhcp_client_read(&client->msg, &lease, client->stats.notes);
    if (answer != DHCP_CLIENT_ANSWER_acknowledged)
        return answer;
    client->offered_addr = lease.addr;
    client->offered_server = lease.server;
    enter(client, DHCP_CLIENT_REQUESTING, now);
    return DHCP_CLIENT_ANSWER_offer_taken;
}

/* When the lease's times come. A little before T1, each client another, so that many that began at
 * once do not go on at once (section 4.4.5). */
static void set_times(struct dhcp_client *client)
{
    const struct dhcp_client_lease *lease = &client->lease;
    uint64_t t1 = lease->t1_s * NS_PER_S;

    client->t1_at = client->t2_at = client->ends_at = NS_NEVER;
    if (lease->lease_s == DHCP_INFINITE)
        return;
    t1 -= random_of(client) % (t1 / 64 + 1);
    client->t1_at = later(client->asked_at, t1);
    client->t2_at = later(client->asked_at, lease->t2_s * NS_PER_S);
    client->ends_at = later(client->asked_at, lease->lease_s * NS_PER_S);
}

static enum dhcp_client_answer take_ack(struct dhcp_client *client, uint64_t now)
{
    uint32_t server = server_of(client);
    struct dhcp_client_lease lease;
    enum dhcp_client_answer answer = dhcp_client_read(&client->msg, &lease, client->stats.notes);

    if (answer != DHCP_CLIENT_ANSWER_acknowledged)
        return answer;
    if (server != 0 && lease.server != server)
        return DHCP_CLIENT_ANSWER_other_server;
    if (lease.addr != wanted_addr(client))
        return DHCP_CLIENT_ANSWER_other_address;
    if (lease.lease_s != DHCP_INFINITE && now >= later(client->asked_at, lease.lease_s * NS_PER_S))
        return DHCP_CLIENT_ANSWER_lease_over;
    client->lease = lease;
    client->asking = false;
    set_times(client);
    if (client->in_use || client->conf.no_probe) {
        bind(client);
    } else {
        client->state = DHCP_CLIENT_PROBING;
        client->do_probe = true;
    }
    return DHCP_CLIENT_ANSWER_acknowledged;
}

static enum dhcp_client_answer take_nak(struct dhcp_client *client, uint64_t now)
{
    uint32_t expected = server_of(client), server;

    if (!dhcp_msg_u32(&client->msg, DHCP_OPT_SERVER_ID, &server) || !dhcp_client_is_host(server))
        return DHCP_CLIENT_ANSWER_no_server_id;
    if (expected != 0 && server != expected)
        return DHCP_CLIENT_ANSWER_other_server;
    if (client->in_use)
        lose_address(client);
    client->conf.remembered = 0;
    fail(client, 0, now);
    return DHCP_CLIENT_ANSWER_refused;
}

enum dhcp_client_answer dhcp_client_input(struct dhcp_client *client, struct cs_ro bytes,
                                          uint64_t now_ns)
{
    enum dhcp_client_answer answer;

    /* What is over is over, whether it was polled since or not. */
    run_times(client, now_ns);
    answer = check_ours(client, bytes);
    if (answer == DHCP_CLIENT_ANSWER_acknowledged) {
        uint8_t type = client->msg.type;

        if (type == DHCPOFFER)
            answer = take_offer(client, now_ns);
        else if (type == DHCPACK && client->state != DHCP_CLIENT_SELECTING)
            answer = take_ack(client, now_ns);
        else if (type == DHCPNAK && client->state != DHCP_CLIENT_SELECTING)
            answer = take_nak(client, now_ns);
        else
            answer = DHCP_CLIENT_ANSWER_unexpected;
    }
    client->stats.received++;
    client->stats.answers[answer]++;
    return answer;
}

void dhcp_client_probed(struct dhcp_client *client, bool in_use, uint64_t now_ns)
{
    if (!has_address(client))
        return;
    if (!in_use) {
        if (client->state == DHCP_CLIENT_PROBING)
            bind(client);
        return;
    }
    client->stats.conflicts++;
    client->do_decline = true;
    client->decline_addr = client->lease.addr;
    client->decline_server = client->lease.server;
    client->conf.remembered = 0;
    lose_address(client);
    fail(client, DECLINE_WAIT_NS, now_ns);
}

/* ---- life ------------------------------------------------------------------------------------ */

void dhcp_client_link_up(struct dhcp_client *client, uint64_t now_ns)
{
    if (client->in_use) {
        enter(client, DHCP_CLIENT_REBOOTING, now_ns);
        return;
    }
    /* After a DECLINE or a NAK the pause goes on: a link may come and go often. */
    if (client->state == DHCP_CLIENT_STOPPED ||
        (client->state == DHCP_CLIENT_INIT && client->failures != 0))
        return;
    if (client->state == DHCP_CLIENT_PROBING)
        lose_address(client); /* of another network, perhaps */
    client->failures = 0;
    enter_init(client, 0, now_ns);
}

void dhcp_client_release(struct dhcp_client *client)
{
    client->do_release = client->in_use;
    if (has_address(client))
        lose_address(client);
    client->state = DHCP_CLIENT_STOPPED;
    client->asking = false;
}

int dhcp_client_init(struct dhcp_client *client, const struct dhcp_client_conf *conf,
                     uint64_t now_ns)
{
    if (conf->client_id.len == 1 || conf->client_id.len > DHCP_CLIENT_ID_MAX ||
        conf->host_name.len >= DHCP_CLIENT_NAME_BYTES ||
        (conf->reply_max != 0 &&
         (conf->reply_max < DHCP_BYTES_DEFAULT || conf->reply_max > DHCP_BYTES_MAX)))
        return -E_INVAL;
    memset(client, 0, sizeof(*client));
    client->conf = *conf;
    if (conf->reply_max == 0)
        client->conf.reply_max = DHCP_BYTES_DEFAULT;
    client->id_len = (uint8_t)conf->client_id.len;
    if (client->id_len != 0) {
        memcpy(client->id, conf->client_id.base, client->id_len);
    } else {
        client->id[0] = DHCP_HTYPE_ETHERNET;
        memcpy(client->id + 1, conf->mac, sizeof(conf->mac));
        client->id_len = 1 + sizeof(conf->mac);
    }
    client->conf.client_id = CS_RO_EMPTY;
    client->t1_at = client->t2_at = client->ends_at = NS_NEVER;
    enter_init(client, 0, now_ns);
    return 0;
}
