/*
 * radius_load: asks a RADIUS server, on loopback, what the routers of a chain of cafés would ask it, and tells in one
 * line of JSON how it answered.
 *
 *     gcc -O2 -o radius_load radius_load.c -lm
 *     radius_load SCENARIO [--option VALUE]...
 *
 * Users have numbers. Each belongs to a router (NAS): the first --users-per-nas to the first one, and so on. A router
 * has an address, ports and a NAS-Identifier of its own. A user has one or more devices, each with its own MAC address.
 * A session is one stretch of a device at its router under an Acct-Session-Id of its own; like RouterOS, a router counts
 * these up, and gives Class back as it came in the Access-Accept (RFC 2865, 5.25).
 *
 * Without --rate the loop is closed: --in-flight sessions are always on their way, and each asks its next question when
 * the last is answered. With --rate it is open: sessions begin on time whatever the server does, and a latency runs
 * from the time the request should have been sent, so that waiting in this program is not hidden.
 *
 * What is loaded is bounded in count and in time, and nothing is sent to any address but 127.0.0.0/8.
 */
#define _GNU_SOURCE
#include <sys/random.h>
#include <sys/resource.h>

#include "asking.h"

static const struct scenario logins_before = { .name = "logins before", .login = true };

/* ---- a server that says yes: shows how fast this program is itself ---- */

static size_t write_yes(unsigned char *octets, size_t length)
{
    struct packet reply;
    struct md5 sum;

    if (length < HEADER) return 0;
    begin(&reply, octets[0] == ACCESS_REQUEST ? ACCESS_ACCEPT : ACCOUNTING_RESPONSE, octets[1]);
    memcpy(reply.octets + 4, octets + 4, MD5_LENGTH);
    if (octets[0] == ACCESS_REQUEST) {
        static const unsigned char no_signature[MD5_LENGTH];
        put(&reply, MESSAGE_AUTHENTICATOR, no_signature, sizeof no_signature);
        put_length(&reply);
        hmac_md5(&signing, reply.octets, reply.length, reply.octets + HEADER + 2);
    }
    put_length(&reply);
    md5_begin(&sum);
    md5_add(&sum, reply.octets, reply.length);
    md5_add(&sum, secret, strlen(secret));
    md5_end(&sum, reply.octets + 4);
    memcpy(octets, reply.octets, reply.length);
    return reply.length;
}

static uint64_t answer_all(int socket)
{
    static unsigned char octets[AT_ONCE][4096];
    struct sockaddr_in from[AT_ONCE];
    struct mmsghdr headers[AT_ONCE] = { 0 };
    struct iovec pieces[AT_ONCE];
    int count, done = 0;

    for (int i = 0; i < AT_ONCE; i++) {
        pieces[i] = (struct iovec){ .iov_base = octets[i], .iov_len = sizeof octets[i] };
        headers[i].msg_hdr = (struct msghdr){ .msg_name = &from[i], .msg_namelen = sizeof from[i],
                                              .msg_iov = &pieces[i], .msg_iovlen = 1 };
    }
    count = recvmmsg(socket, headers, AT_ONCE, 0, NULL);
    for (int i = 0; i < count; i++) pieces[i].iov_len = write_yes(octets[i], headers[i].msg_len);
    while (done < count) {
        int sent = sendmmsg(socket, headers + done, (unsigned)(count - done), 0);
        if (sent <= 0) break;
        done += sent;
    }
    return (uint64_t)done;
}

static void respond(void)
{
    int sockets[2] = { open_socket(INADDR_LOOPBACK, (int)want.auth_port), open_socket(INADDR_LOOPBACK, (int)want.acct_port) };
    uint64_t ends_at = now() + (uint64_t)want.limit * SECOND, answered = 0;

    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t i = 0; i < 2; i++) watch(sockets[i], i);
    while (!is_over && now() < ends_at) {
        struct epoll_event events[2];
        int count = epoll_wait(run.epoll, events, 2, 100);
        for (int i = 0; i < count; i++) answered += answer_all(sockets[events[i].data.u32]);
    }
    printf("{\"scenario\":\"respond\",\"answered\":%llu}\n", (unsigned long long)answered);
}

/* ---- what is told ---- */

static void tell_number(const char *name, uint64_t value) { printf(",\"%s\":%llu", name, (unsigned long long)value); }

static void tell_latencies(const char *name, const struct latencies *all)
{
    static const double parts[] = { 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999 };

    if (all->count == 0) return;
    printf(",\"%s\":{\"count\":%llu,\"mean\":%.3f,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f,\"curve\":[",
           name, (unsigned long long)all->count, all->sum / (double)all->count, within(all, 0.5), within(all, 0.9),
           within(all, 0.99), within(all, 0.999), all->most);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) printf("[%g,%.3f],", parts[i] * 100, within(all, parts[i]));
    printf("[100,%.3f]]}", all->most);
}

static double seconds_between(uint64_t from, uint64_t to) { return (double)(to - from) / (double)SECOND; }

static void tell(const struct tally *tally, const struct tally *before)
{
    struct rusage used;
    double took = seconds_between(tally->began_at, tally->last_at);

    getrusage(RUSAGE_SELF, &used);
    printf("{\"scenario\":\"%s\"", scenario->name);
    tell_number("requests", tally->requests);
    tell_number("datagrams", tally->datagrams);
    tell_number("answered", tally->answered);
    tell_number("resent", tally->resent);
    tell_number("lost", tally->lost);
    tell_number("unfinished", tally->unfinished);
    tell_number("accepted", tally->accepted);
    tell_number("refused", tally->refused);
    tell_number("forged", tally->forged);
    tell_number("unexpected", tally->unexpected);
    tell_number("stray", tally->stray);
    if (before != NULL) tell_number("logins_before", before->accepted);
    if (before != NULL) tell_number("lost_before", before->lost + before->unfinished + before->refused);
    printf(",\"seconds\":%.4f,\"per_second\":%.1f,\"first_answer_after\":%.4f,\"last_repeated_after\":%.4f", took,
           took > 0 ? (double)tally->answered / took : 0.0, seconds_between(tally->began_at, tally->first_at),
           seconds_between(tally->began_at, tally->last_repeated_at));
    printf(",\"cpu_seconds\":%.3f", (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
                                        + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    tell_latencies("latency_ms", &tally->all);
    tell_latencies("login_ms", &tally->logins);
    tell_latencies("accounting_ms", &tally->accounting);
    puts("}");
}

/* ---- all together ---- */

static void prepare(const char *classes_path)
{
    const char *given = getenv("RADIUS_SECRET");

    if (given != NULL) secret = given;
    hmac_begin(&signing, secret, strlen(secret));
    md5_begin(&hiding);
    md5_add(&hiding, secret, strlen(secret));
    if (getrandom(&chance, sizeof chance, 0) != sizeof chance) chance = now();
    if (want.devices == 0) want.devices = want.sessions;
    if (want.visited == 0 || want.visited > want.devices) want.visited = want.devices;
    if (want.in_flight > want.ports * (IDENTIFIERS - 6)) want.ports = want.in_flight / (IDENTIFIERS - 6) + 1;
    if ((first_source + (uint32_t)want.addresses) >> 24 != 127) fail("not all addresses are in 127.0.0.0/8");
    put_in_order();
    if (classes_path != NULL) read_classes(classes_path);
    else if (scenario->accounting && (scenario->login || scenario->before))
        classes = room((size_t)want.sessions, sizeof *classes);
    run.sessions = room((size_t)want.in_flight, sizeof *run.sessions);
    run.idle = room((size_t)want.in_flight, sizeof(*run.idle));
}

static void end_soon(int number)
{
    (void)number;
    is_over = 1;
}

int main(int count, char **words)
{
    const char *classes_path = read_options(count, words);
    static struct tally measured, before;

    prepare(classes_path);
    signal(SIGINT, end_soon);
    signal(SIGTERM, end_soon);
    if (strcmp(scenario->name, "respond") == 0) {
        respond();
        return 0;
    }
    if (want.print) {
        print_packets();
        return 0;
    }
    open_channels();
    if (scenario->before) walk(&logins_before, want.first_id, &before);
    walk(scenario, want.first_id, &measured);
    tell(&measured, scenario->before ? &before : NULL);
    return measured.lost || measured.unfinished ? 1 : 0;
}
