/* What is asked for on the command line. */
#ifndef RADIUS_LOAD_WANTED_H
#define RADIUS_LOAD_WANTED_H

#include <arpa/inet.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What each session does: perhaps a login, then accounting; `before` is a round of logins that is not measured. */
struct scenario {
    const char *name;
    bool login, chap, accounting, only_interims, only_start, before;
};

static const struct scenario scenarios[] = {
    { .name = "auth-pap", .login = true },
    { .name = "auth-chap", .login = true, .chap = true },
    { .name = "acct", .accounting = true, .before = true },
    { .name = "acct-bare", .accounting = true },
    { .name = "mixed", .login = true, .accounting = true },
    { .name = "returns", .login = true, .accounting = true, .only_start = true },
    { .name = "interims", .accounting = true, .only_interims = true },
    { .name = "respond" },
};

static struct {
    long auth_port, acct_port, sessions, devices, visited, first_user, users, users_per_nas, addresses, ports, in_flight;
    long interims, interim_every, first_id, boot, elapsed, rate, timeout, resends, limit, seed, print;
} want = {
    .auth_port = 1812, .acct_port = 1813, .sessions = 10000, .users = 20000, .users_per_nas = 1250, .addresses = 1,
    .ports = 1, .in_flight = 64, .interims = 3, .interim_every = 60, .first_id = 1, .boot = 1, .timeout = 3000, .resends = 3,
    .limit = 60, .seed = 1,
};

static const struct number {
    const char *name;
    long *value, least, most;
    const char *help;
} numbers[] = {
    { "auth-port", &want.auth_port, 1, 65535, "where logins go" },
    { "acct-port", &want.acct_port, 1, 65535, "where accounting goes" },
    { "sessions", &want.sessions, 1, 20000000, "how many sessions; for auth-*: logins" },
    { "devices", &want.devices, 0, 20000000, "over so many devices, again and again; 0: each has its own" },
    { "visited", &want.visited, 0, 20000000, "of them only so many, from all of them, come at all; 0: all" },
    { "first-user", &want.first_user, 0, 99999999, "number of the first user" },
    { "users", &want.users, 1, 20000000, "so many users; further devices are theirs as well" },
    { "users-per-nas", &want.users_per_nas, 1, 20000000, "users of one router" },
    { "addresses", &want.addresses, 1, 10000, "source addresses, from --source on" },
    { "ports", &want.ports, 1, 64, "source ports of each address" },
    { "in-flight", &want.in_flight, 1, 16384, "sessions at a time" },
    { "interims", &want.interims, 0, 10000, "Interim-Updates of each session" },
    { "interim-every", &want.interim_every, 1, 86400, "seconds between them, as they are counted" },
    { "first-id", &want.first_id, 0, 1 << 30, "where each router's Acct-Session-Ids begin" },
    { "boot", &want.boot, 0, 15, "the digit in them that changes when a router is started again" },
    { "elapsed", &want.elapsed, 0, 1 << 30, "seconds already counted when the first Interim-Update comes" },
    { "rate", &want.rate, 0, 10000000, "sessions that begin each second; 0: as fast as they are answered" },
    { "timeout", &want.timeout, 1, 60000, "milliseconds until a request is sent again" },
    { "resends", &want.resends, 0, 1000, "how often, before it is lost" },
    { "limit", &want.limit, 1, 3600, "seconds after which all ends" },
    { "seed", &want.seed, 0, 1 << 30, "order of the devices; 0: as they are numbered" },
    { "print", &want.print, 0, 1, "1: print the packets in hexadecimal instead of sending them" },
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static const struct scenario *scenario;
static const char *user_pattern = "user%06d", *password_pattern = "pass%06d", *secret = "testing123";
static uint32_t first_source = 0x7f000001;


static void fail(const char *format, ...)
{
    va_list words;

    va_start(words, format);
    fputs("radius_load: ", stderr);
    vfprintf(stderr, format, words);
    fputc('\n', stderr);
    va_end(words);
    exit(2);
}

static void *room(size_t count, size_t size)
{
    void *found = calloc(count, size);

    if (found == NULL) fail("not enough memory for %zu things of %zu octets", count, size);
    return found;
}

static void explain(void)
{
    fputs("radius_load SCENARIO [--option VALUE]...   the secret is taken from RADIUS_SECRET (testing123)\n\n", stderr);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) fprintf(stderr, "%s ", scenarios[i].name);
    fputs("\n\n", stderr);
    for (int i = 0; i < NUMBERS; i++)
        fprintf(stderr, "  --%-14s %s (%ld)\n", numbers[i].name, numbers[i].help, *numbers[i].value);
    fputs("  --user, --password  patterns with the user's number in them, as user%06d\n"
          "  --source            the first source address (127.0.0.1)\n"
          "  --classes           a file with the Class of each device, all of the same length, for interims\n", stderr);
    exit(2);
}

/* A pattern is given to printf: nothing but one %d, perhaps with a width, may be in it. */
static const char *checked_pattern(const char *pattern)
{
    const char *percent = strchr(pattern, '%'), *after;

    if (percent == NULL) return strlen(pattern) <= 60 ? pattern : (fail("a pattern is too long"), pattern);
    after = percent + 1 + strspn(percent + 1, "0123456789");
    if (*after != 'd' || after - percent > 3 || strchr(after, '%') != NULL || strlen(pattern) > 40)
        fail("%s is no pattern such as user%%06d", pattern);
    return pattern;
}

static uint32_t loopback(const char *text)
{
    struct in_addr found;

    if (inet_pton(AF_INET, text, &found) != 1 || ntohl(found.s_addr) >> 24 != 127) fail("%s is not in 127.0.0.0/8", text);
    return ntohl(found.s_addr);
}

static long number_of(const struct number *option, const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value < option->least || value > option->most)
        fail("--%s is a whole number from %ld to %ld, not %s", option->name, option->least, option->most, text);
    return value;
}

static const char *read_options(int count, char **words)
{
    enum { USER = NUMBERS, PASSWORD, SOURCE, CLASSES };
    struct option known[NUMBERS + 5] = { { 0 } };
    static const char *const others[] = { "user", "password", "source", "classes" };
    const char *classes_path = NULL;
    int found;

    for (int i = 0; i < NUMBERS + 4; i++)
        known[i] = (struct option){ .name = i < NUMBERS ? numbers[i].name : others[i - NUMBERS], .has_arg = 1, .val = i };
    while ((found = getopt_long(count, words, "", known, NULL)) != -1) {
        if (found == USER) user_pattern = checked_pattern(optarg);
        else if (found == PASSWORD) password_pattern = checked_pattern(optarg);
        else if (found == SOURCE) first_source = loopback(optarg);
        else if (found == CLASSES) classes_path = optarg;
        else if (found >= 0 && found < NUMBERS) *numbers[found].value = number_of(&numbers[found], optarg);
        else explain();
    }
    if (optind != count - 1) explain();
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        if (strcmp(words[optind], scenarios[i].name) == 0) scenario = &scenarios[i];
    if (scenario == NULL) explain();
    return classes_path;
}

#endif
