/* A run: sessions on their way, the sockets they use, and what came of them. */
#ifndef RADIUS_LOAD_ASKING_H
#define RADIUS_LOAD_ASKING_H

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "packets.h"

enum { AT_ONCE = 64, IDENTIFIERS = 256, CHANNELS_MOST = 2048 };

static volatile sig_atomic_t is_over;

enum { LOGIN = -1 }; /* the step before accounting's 0: Start, 1 to `interims`: Interim-Update, then Stop */

struct session {
    long number;
    int step, channel, identifier;
    long resent;
    uint64_t meant_at, due_at; /* when the request should have left, and when it is sent again */
    struct session *before, *after; /* of those that wait for an answer, by due_at: all wait for the same time */
    struct packet packet;
};

struct channel {
    int socket, next_identifier, waiting;
    struct session *by_identifier[IDENTIFIERS], *outbox[AT_ONCE];
};

struct tally {
    uint64_t requests, datagrams, answered, resent, lost, unfinished, accepted, refused, forged, unexpected, stray;
    uint64_t began_at, first_at, last_at, last_repeated_at;
    struct latencies all, logins, accounting;
};

static struct {
    const struct scenario *does;
    long first_id, next, live;
    struct channel *channels;
    int channel_count, epoll, timer;
    struct session *sessions, **idle, *oldest, *newest;
    long idle_count;
    struct tally *tally;
} run;

/* A router asks from the same ports as long as it runs, and so does each run of this program, where they are free. */
enum { KEPT_PORTS = 31700 };

static int open_socket(uint32_t address, int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(address) };
    int made = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = 4 << 20;

    if (made < 0) fail("cannot open a socket: %s", strerror(errno));
    /* More than the limit is for root alone; what is given without is enough for less. */
    if (setsockopt(made, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(made, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(made, (struct sockaddr *)&at, sizeof at) == 0) return made;
    if (errno == EADDRINUSE && port >= KEPT_PORTS && port < KEPT_PORTS + CHANNELS_MOST) return open_socket(address, 0);
    fail("cannot bind %s: %s", inet_ntoa(at.sin_addr), strerror(errno));
    return -1;
}

static void watch(int descriptor, uint32_t number)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = number };

    if (epoll_ctl(run.epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("cannot watch: %s", strerror(errno));
}

static void open_channels(void)
{
    run.channel_count = (int)(want.addresses * want.ports);
    if (run.channel_count > CHANNELS_MOST) fail("at most %d addresses times ports", CHANNELS_MOST);
    run.channels = room((size_t)run.channel_count, sizeof *run.channels);
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    for (int i = 0; i < run.channel_count; i++) {
        run.channels[i].socket = open_socket(first_source + (uint32_t)(i / want.ports), KEPT_PORTS + (int)(i % want.ports));
        watch(run.channels[i].socket, (uint32_t)i);
    }
    watch(run.timer, (uint32_t)run.channel_count);
}

static void send_waiting(struct channel *channel)
{
    static struct sockaddr_in targets[2];
    struct mmsghdr headers[AT_ONCE] = { 0 };
    struct iovec pieces[AT_ONCE];
    int done = 0;

    for (int i = 0; i < 2; i++) {
        targets[i].sin_family = AF_INET;
        targets[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        targets[i].sin_port = htons((uint16_t)(i ? want.acct_port : want.auth_port));
    }
    for (int i = 0; i < channel->waiting; i++) {
        struct packet *packet = &channel->outbox[i]->packet;
        pieces[i] = (struct iovec){ .iov_base = packet->octets, .iov_len = packet->length };
        headers[i].msg_hdr = (struct msghdr){ .msg_name = &targets[packet->octets[0] == ACCOUNTING_REQUEST],
                                              .msg_namelen = sizeof *targets, .msg_iov = &pieces[i], .msg_iovlen = 1 };
    }
    while (done < channel->waiting && !is_over) {
        int sent = sendmmsg(channel->socket, headers + done, (unsigned)(channel->waiting - done), 0);
        if (sent > 0) done += sent;
        else if (errno == EAGAIN || errno == ENOBUFS) usleep(50);
        else if (errno != EINTR && errno != ECONNREFUSED) fail("cannot send: %s", strerror(errno));
    }
    run.tally->datagrams += (uint64_t)done;
    channel->waiting = 0;
}

static void transmit(struct session *session, uint64_t at)
{
    struct channel *channel = &run.channels[session->channel];

    session->due_at = at + (uint64_t)want.timeout * MILLISECOND;
    session->before = run.newest;
    session->after = NULL;
    *(run.newest == NULL ? &run.oldest : &run.newest->after) = session;
    run.newest = session;
    channel->outbox[channel->waiting++] = session;
    if (channel->waiting == AT_ONCE) send_waiting(channel);
}

static void wait_no_more(struct session *session)
{
    *(session->before == NULL ? &run.oldest : &session->before->after) = session->after;
    *(session->after == NULL ? &run.newest : &session->after->before) = session->before;
}

/* A place for a request of this router: its own port, or another of its address when 256 are on their way there. */
static void take_place(struct session *session, long nas)
{
    long address = nas % want.addresses, port = nas / want.addresses % want.ports;

    for (long tried = 0; tried < want.ports; tried++, port = (port + 1) % want.ports) {
        struct channel *channel = &run.channels[address * want.ports + port];
        for (int i = 0; i < IDENTIFIERS; i++) {
            int identifier = channel->next_identifier++ % IDENTIFIERS;
            if (channel->by_identifier[identifier] == NULL) {
                channel->by_identifier[identifier] = session;
                session->channel = (int)(address * want.ports + port);
                session->identifier = identifier;
                return;
            }
        }
    }
    fail("an address has all its Identifiers in use: give more --ports, or fewer --in-flight");
}

static void write_request(struct packet *packet, int identifier, const struct who *who, int step)
{
    int status = run.does->only_interims ? INTERIM_UPDATE : step == 0 ? START : step > want.interims ? STOP : INTERIM_UPDATE;
    long reports = run.does->only_interims ? who->visit + 1 : step;

    if (step == LOGIN) write_login(packet, identifier, who, run.does->chap);
    else write_accounting(packet, identifier, who, status, want.elapsed + want.interim_every * reports);
}

static void ask(struct session *session, uint64_t meant_at, uint64_t at)
{
    struct who who = who_is(session->number, run.first_id);

    take_place(session, who.nas);
    write_request(&session->packet, session->identifier, &who, session->step);
    session->resent = 0;
    session->meant_at = meant_at;
    run.tally->requests++;
    transmit(session, at);
}

static bool is_last(int step)
{
    if (!run.does->accounting || run.does->only_interims) return true;
    return step > want.interims || (run.does->only_start && step == 0);
}

/* The request is over, answered or lost: the session goes on if it may, or makes room for another. */
static void go_on(struct session *session, bool may_go_on, uint64_t at)
{
    run.channels[session->channel].by_identifier[session->identifier] = NULL;
    wait_no_more(session);
    if (may_go_on && !is_last(session->step)) {
        session->step++;
        ask(session, at, at);
    } else {
        run.idle[run.idle_count++] = session;
        run.live--;
    }
}

static void take_reply(struct channel *channel, const unsigned char *reply, size_t length, uint64_t at)
{
    struct tally *tally = run.tally;
    struct session *session = length < HEADER ? NULL : channel->by_identifier[reply[1]];
    size_t told = length < HEADER ? 0 : (size_t)reply[2] << 8 | reply[3];
    bool is_login, is_expected;
    unsigned char *class;

    if (session == NULL) {
        tally->stray++;
        return;
    }
    class = classes == NULL || classes_are_of_devices ? NULL : classes[session->number];
    is_login = session->step == LOGIN;
    if (told < HEADER || told > length || !is_genuine(&session->packet, reply, told, is_login ? class : NULL)) {
        tally->forged++;
        return;
    }
    is_expected = reply[0] == (is_login ? ACCESS_ACCEPT : ACCOUNTING_RESPONSE);
    if (reply[0] == ACCESS_ACCEPT) tally->accepted++;
    if (reply[0] == ACCESS_REJECT) tally->refused++;
    if (!is_expected) tally->unexpected++;
    if (tally->answered++ == 0) tally->first_at = at;
    tally->last_at = at;
    if (session->resent > 0) tally->last_repeated_at = at;
    note_latency(&tally->all, at - session->meant_at);
    note_latency(is_login ? &tally->logins : &tally->accounting, at - session->meant_at);
    go_on(session, is_expected, at);
}

static void begin_sessions(uint64_t at, uint64_t *wake_at)
{
    while (run.idle_count > 0 && run.next < want.sessions) {
        uint64_t meant_at = at;
        struct session *session;
        if (want.rate > 0 && run.does == scenario) {
            meant_at = run.tally->began_at + (uint64_t)((double)run.next * 1e9 / (double)want.rate);
            if (meant_at > at) {
                if (meant_at < *wake_at) *wake_at = meant_at;
                return;
            }
        }
        session = run.idle[--run.idle_count];
        session->number = run.next++;
        session->step = run.does->login ? LOGIN : 0;
        run.live++;
        ask(session, meant_at, at);
    }
}

static void send_again_what_is_due(uint64_t at, uint64_t *wake_at)
{
    while (run.oldest != NULL && run.oldest->due_at <= at) {
        struct session *session = run.oldest;
        if (session->resent++ < want.resends) {
            run.tally->resent++;
            wait_no_more(session);
            transmit(session, at);
        } else {
            run.tally->lost++;
            go_on(session, false, at);
        }
    }
    if (run.oldest != NULL && run.oldest->due_at < *wake_at) *wake_at = run.oldest->due_at;
}

static void receive(struct channel *channel)
{
    static unsigned char octets[AT_ONCE][4096];
    struct mmsghdr headers[AT_ONCE] = { 0 };
    struct iovec pieces[AT_ONCE];
    uint64_t at;
    int count;

    for (int i = 0; i < AT_ONCE; i++) {
        pieces[i] = (struct iovec){ .iov_base = octets[i], .iov_len = sizeof octets[i] };
        headers[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1 };
    }
    count = recvmmsg(channel->socket, headers, AT_ONCE, 0, NULL);
    at = now();
    for (int i = 0; i < count; i++) take_reply(channel, octets[i], headers[i].msg_len, at);
}

static void wait_until(uint64_t wake_at)
{
    struct itimerspec alarm = { .it_value = { (time_t)(wake_at / SECOND), (long)(wake_at % SECOND) } };
    struct epoll_event events[AT_ONCE];
    int count;

    timerfd_settime(run.timer, TFD_TIMER_ABSTIME, &alarm, NULL);
    count = epoll_wait(run.epoll, events, AT_ONCE, 1000);
    for (int i = 0; i < count; i++)
        if (events[i].data.u32 < (uint32_t)run.channel_count) receive(&run.channels[events[i].data.u32]);
}

/* All sessions once through what `does` says. */
static void walk(const struct scenario *does, long first_id, struct tally *tally)
{
    uint64_t ends_at;

    memset(run.sessions, 0, (size_t)want.in_flight * sizeof *run.sessions);
    for (run.idle_count = 0; run.idle_count < want.in_flight; run.idle_count++)
        run.idle[run.idle_count] = &run.sessions[run.idle_count];
    run.does = does;
    run.first_id = first_id;
    run.next = run.live = 0;
    run.oldest = run.newest = NULL;
    run.tally = tally;
    tally->began_at = tally->first_at = tally->last_at = tally->last_repeated_at = now();
    ends_at = tally->began_at + (uint64_t)want.limit * SECOND;
    while (!is_over) {
        uint64_t at = now(), wake_at = at + SECOND;
        if (at >= ends_at) break;
        begin_sessions(at, &wake_at);
        send_again_what_is_due(at, &wake_at);
        if (run.live == 0 && run.next == want.sessions) break;
        for (int i = 0; i < run.channel_count; i++)
            if (run.channels[i].waiting > 0) send_waiting(&run.channels[i]);
        wait_until(wake_at);
    }
    tally->unfinished = (uint64_t)(run.live + want.sessions - run.next);
    for (int i = 0; i < run.channel_count; i++) memset(run.channels[i].by_identifier, 0, sizeof run.channels[i].by_identifier);
}

static void print_packets(void)
{
    struct packet packet;

    run.does = scenario;
    for (long number = 0; number < want.sessions; number++) {
        struct who who = who_is(number, want.first_id);
        for (int step = scenario->login ? LOGIN : 0;; step++) {
            write_request(&packet, (int)(number % IDENTIFIERS), &who, step);
            for (size_t i = 0; i < packet.length; i++) printf("%02x", packet.octets[i]);
            putchar('\n');
            if (is_last(step)) break;
        }
    }
}

#endif
