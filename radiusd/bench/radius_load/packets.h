/* Requests as RouterOS writes them, and whether an answer is genuine. */
#ifndef RADIUS_LOAD_PACKETS_H
#define RADIUS_LOAD_PACKETS_H

#include "md5.h"
#include "who.h"

enum { HEADER = 20, PACKET_MOST = 1024 };
enum { ACCESS_REQUEST = 1, ACCESS_ACCEPT = 2, ACCESS_REJECT = 3, ACCOUNTING_REQUEST = 4, ACCOUNTING_RESPONSE = 5 };
enum { CLASS = 25, MESSAGE_AUTHENTICATOR = 80 };
enum { START = 1, STOP = 2, INTERIM_UPDATE = 3 }; /* Acct-Status-Type */
enum { MIKROTIK = 14988, WISPR = 14122 };

static struct hmac_key signing;
static struct md5 hiding; /* the secret, already taken in */

struct packet {
    unsigned char octets[PACKET_MOST];
    size_t length;
};

static void put(struct packet *packet, int type, const void *value, size_t length)
{
    unsigned char *at = packet->octets + packet->length;

    if (packet->length + 2 + length > PACKET_MOST) fail("a packet would be longer than %d octets", PACKET_MOST);
    at[0] = (unsigned char)type;
    at[1] = (unsigned char)(length + 2);
    memcpy(at + 2, value, length);
    packet->length += 2 + length;
}

static void put_text(struct packet *packet, int type, const char *text) { put(packet, type, text, strlen(text)); }

static void put_number(struct packet *packet, int type, uint32_t number)
{
    uint32_t value = htonl(number);

    put(packet, type, &value, sizeof value);
}

static void put_of_vendor(struct packet *packet, uint32_t vendor, int type, const void *value, size_t length)
{
    unsigned char whole[64];

    vendor = htonl(vendor);
    memcpy(whole, &vendor, 4);
    whole[4] = (unsigned char)type;
    whole[5] = (unsigned char)(length + 2);
    memcpy(whole + 6, value, length);
    put(packet, 26, whole, length + 6);
}

static void begin(struct packet *packet, int code, int identifier)
{
    packet->octets[0] = (unsigned char)code;
    packet->octets[1] = (unsigned char)identifier;
    packet->length = HEADER;
}

static void put_length(struct packet *packet)
{
    packet->octets[2] = (unsigned char)(packet->length >> 8);
    packet->octets[3] = (unsigned char)packet->length;
}

/* What a HotSpot says of a session in requests of both kinds. */
static void put_session(struct packet *packet, const struct who *who)
{
    char text[64];
    uint32_t device = (uint32_t)(who->device / want.users), user = (uint32_t)who->user;
    uint32_t address = htonl(10u << 24 | (uint32_t)(who->nas & 0xff) << 16 | (who->id & 0xffff));

    put_number(packet, 61, 19); /* NAS-Port-Type: Wireless-802.11, whatever the medium */
    snprintf(text, sizeof text, "02:%02X:%02X:%02X:%02X:%02X", device & 0xff, user >> 24 & 0xff, user >> 16 & 0xff,
             user >> 8 & 0xff, user & 0xff);
    put_text(packet, 31, text);            /* Calling-Station-Id */
    put_text(packet, 30, "hotspot1");      /* Called-Station-Id: the HotSpot server's name */
    put_text(packet, 87, "bridge-guests"); /* NAS-Port-Id */
    snprintf(text, sizeof text, user_pattern, (int)who->user);
    put_text(packet, 1, text);          /* User-Name */
    put_number(packet, 5, who->id);     /* NAS-Port */
    snprintf(text, sizeof text, "%08x", who->id);
    put_text(packet, 44, text);         /* Acct-Session-Id, in the Access-Request already */
    put(packet, 8, &address, 4);        /* Framed-IP-Address */
    put_of_vendor(packet, MIKROTIK, 10, &address, 4); /* Mikrotik-Host-IP */
}

static void put_nas(struct packet *packet, const struct who *who)
{
    char name[32];

    snprintf(name, sizeof name, "router-%04ld", who->nas);
    put_text(packet, 32, name);                                                 /* NAS-Identifier */
    put_number(packet, 4, 10u << 24 | 255u << 16 | (uint32_t)(who->nas & 0xffff)); /* NAS-IP-Address */
}

/* User-Password, hidden (RFC 2865, 5.2). */
static void put_password(struct packet *packet, const char *password)
{
    unsigned char hidden[128] = { 0 }, mask[MD5_LENGTH];
    const unsigned char *previous = packet->octets + 4;
    size_t length = strlen(password), padded = length == 0 ? 16 : (length + 15) / 16 * 16;

    memcpy(hidden, password, length);
    for (size_t i = 0; i < padded; i++) {
        if (i % 16 == 0) {
            struct md5 sum = hiding;
            md5_add(&sum, previous, 16);
            md5_end(&sum, mask);
            previous = hidden + i;
        }
        hidden[i] ^= mask[i % 16];
    }
    put(packet, 2, hidden, padded);
}

/* CHAP-Challenge and CHAP-Password (RFC 2865, 2.2). */
static void put_chap(struct packet *packet, const char *password)
{
    unsigned char challenge[16], answer[1 + MD5_LENGTH];
    struct md5 sum;

    draw(challenge);
    answer[0] = packet->octets[1];
    md5_begin(&sum);
    md5_add(&sum, answer, 1);
    md5_add(&sum, password, strlen(password));
    md5_add(&sum, challenge, sizeof challenge);
    md5_end(&sum, answer + 1);
    put(packet, 60, challenge, sizeof challenge);
    put(packet, 3, answer, sizeof answer);
}

static void write_login(struct packet *packet, int identifier, const struct who *who, bool chap)
{
    static const unsigned char no_signature[MD5_LENGTH];
    static const char logoff[] = "http://10.5.88.1/logout";
    char password[128];

    begin(packet, ACCESS_REQUEST, identifier);
    draw(packet->octets + 4);
    put_session(packet, who);
    snprintf(password, sizeof password, password_pattern, (int)who->user);
    if (chap) put_chap(packet, password);
    else put_password(packet, password);
    put_number(packet, 6, 1); /* Service-Type: Login-User */
    put_of_vendor(packet, WISPR, 3, logoff, sizeof logoff - 1);
    put_nas(packet, who);
    put(packet, MESSAGE_AUTHENTICATOR, no_signature, sizeof no_signature);
    put_length(packet);
    hmac_md5(&signing, packet->octets, packet->length, packet->octets + packet->length - MD5_LENGTH);
}

/* Counters of a session after so many seconds; they only ever grow. */
static void put_counters(struct packet *packet, const struct who *who, long seconds)
{
    uint64_t pace = mixed_up((uint64_t)who->user), up = (1000 + pace % 20000) * (uint64_t)seconds;
    uint64_t down = (5000 + pace % 300000) * (uint64_t)seconds;

    put_number(packet, 46, (uint32_t)seconds);    /* Acct-Session-Time */
    put_number(packet, 42, (uint32_t)up);         /* Acct-Input-Octets: what the guest sent */
    put_number(packet, 52, (uint32_t)(up >> 32)); /* Acct-Input-Gigawords */
    put_number(packet, 43, (uint32_t)down);
    put_number(packet, 53, (uint32_t)(down >> 32));
    put_number(packet, 47, (uint32_t)(up / 700)); /* Acct-Input-Packets */
    put_number(packet, 48, (uint32_t)(down / 1200));
}

static void write_accounting(struct packet *packet, int identifier, const struct who *who, int status, long seconds)
{
    struct md5 sum;

    begin(packet, ACCOUNTING_REQUEST, identifier);
    memset(packet->octets + 4, 0, MD5_LENGTH);
    put_number(packet, 40, (uint32_t)status); /* Acct-Status-Type */
    put_session(packet, who);
    put_number(packet, 55, (uint32_t)time(NULL)); /* Event-Timestamp */
    if (who->class != NULL && who->class[0] > 0) put(packet, CLASS, who->class + 1, who->class[0]);
    if (status != START) put_counters(packet, who, seconds);
    if (status == STOP) put_number(packet, 49, 1); /* Acct-Terminate-Cause: User-Request */
    put_nas(packet, who);
    put_number(packet, 41, 0); /* Acct-Delay-Time */
    put_length(packet);
    md5_begin(&sum); /* RFC 2866, 3 */
    md5_add(&sum, packet->octets, packet->length);
    md5_add(&sum, secret, strlen(secret));
    md5_end(&sum, packet->octets + 4);
}

/* Whether an answer belongs to this request and is signed; an Access-Accept's Class goes to `class`, if that is there. */
static bool is_genuine(const struct packet *request, const unsigned char *reply, size_t length, unsigned char *class)
{
    unsigned char digest[MD5_LENGTH], copy[PACKET_MOST];
    struct md5 sum;
    bool is_signed = request->octets[0] != ACCESS_REQUEST; /* an answer about accounting needs no second signature */

    if (length > sizeof copy) return false;
    md5_begin(&sum); /* RFC 2865, 3: Response Authenticator */
    md5_add(&sum, reply, 4);
    md5_add(&sum, request->octets + 4, MD5_LENGTH);
    md5_add(&sum, reply + HEADER, length - HEADER);
    md5_add(&sum, secret, strlen(secret));
    md5_end(&sum, digest);
    if (memcmp(digest, reply + 4, MD5_LENGTH) != 0) return false;
    if (is_signed) return true;
    for (size_t at = HEADER; at + 2 <= length && reply[at + 1] >= 2 && at + reply[at + 1] <= length; at += reply[at + 1]) {
        size_t size = reply[at + 1] - 2u;
        if (reply[at] == MESSAGE_AUTHENTICATOR && size == MD5_LENGTH) { /* RFC 3579, 3.2 */
            memcpy(copy, reply, length);
            memcpy(copy + 4, request->octets + 4, MD5_LENGTH);
            memset(copy + at + 2, 0, MD5_LENGTH);
            hmac_md5(&signing, copy, length, digest);
            is_signed = memcmp(digest, reply + at + 2, MD5_LENGTH) == 0;
        } else if (reply[at] == CLASS && class != NULL && size <= CLASS_MOST) {
            class[0] = (unsigned char)size;
            memcpy(class + 1, reply + at + 2, size);
        }
    }
    return is_signed;
}

#endif
