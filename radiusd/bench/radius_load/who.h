/* Who is asked about: devices, their users, their routers, and the Classes that were given to them. */
#ifndef RADIUS_LOAD_WHO_H
#define RADIUS_LOAD_WHO_H

#include <errno.h>

#include "timing.h"
#include "wanted.h"

enum { CLASS_MOST = 63 };

static uint32_t *order; /* of the devices; NULL: as they are numbered */
static unsigned char (*classes)[CLASS_MOST + 1]; /* of each session, its length before it */
static bool classes_are_of_devices;

static void put_in_order(void)
{
    uint64_t state = mixed_up((uint64_t)want.seed);

    if (want.seed == 0) return;
    order = room((size_t)want.devices, sizeof *order);
    for (long i = 0; i < want.devices; i++) {
        state = mixed_up(state + 0x9e3779b97f4a7c15ull);
        long other = (long)(state % (uint64_t)(i + 1));
        order[i] = order[other];
        order[other] = (uint32_t)i;
    }
}

/* The same session at the same number, whatever else the options say, so that two runs may be about the same ones. */
struct who {
    long device, visit, user, nas;
    uint32_t id; /* Acct-Session-Id; RouterOS gives it as NAS-Port, too */
    unsigned char *class;
};

static struct who who_is(long session, long first_id)
{
    struct who who;
    long place = session % want.visited, devices_of_a_user, number;

    who.visit = session / want.visited;
    who.device = order == NULL ? place : (long)order[place];
    who.user = want.first_user + who.device % want.users;
    who.nas = who.user / want.users_per_nas;
    devices_of_a_user = (want.devices + want.users - 1) / want.users;
    number = who.device / want.users * want.users_per_nas + who.user % want.users_per_nas;
    if (!scenario->only_interims) number += who.visit * devices_of_a_user * want.users_per_nas;
    /* The kind of service, a digit that changes with each reboot, and a counter. */
    who.id = 0x80000000u | (uint32_t)want.boot << 20 | (uint32_t)((first_id + number) & 0xfffff);
    who.class = classes == NULL ? NULL : classes[classes_are_of_devices ? who.device : session];
    return who;
}

/* Records of equal length, one for each device. */
static void read_classes(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail("cannot read %s: %s", path, strerror(errno));
    size = ftell(file) / want.devices;
    if (size < 1 || size > CLASS_MOST || ftell(file) % want.devices != 0)
        fail("%s does not hold one Class for each of %ld devices", path, want.devices);
    rewind(file);
    classes = room((size_t)want.devices, sizeof *classes);
    classes_are_of_devices = true;
    for (long i = 0; i < want.devices; i++) {
        classes[i][0] = (unsigned char)size;
        if (fread(classes[i] + 1, (size_t)size, 1, file) != 1) fail("cannot read %s", path);
    }
    fclose(file);
}

#endif
