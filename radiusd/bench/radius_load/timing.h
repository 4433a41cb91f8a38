/* Time and chance, and the latencies of a run. */
#ifndef RADIUS_LOAD_TIMING_H
#define RADIUS_LOAD_TIMING_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

static const uint64_t SECOND = 1000000000ull, MILLISECOND = 1000000ull;

static uint64_t now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * SECOND + (uint64_t)at.tv_nsec;
}

static uint64_t chance; /* Request Authenticators are drawn from it */

static uint64_t mixed_up(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
    return value ^ (value >> 31);
}

static void draw(unsigned char octets[16])
{
    uint64_t drawn[2] = { mixed_up(chance + 0x9e3779b97f4a7c15ull), mixed_up(chance + 2 * 0x9e3779b97f4a7c15ull) };

    chance += 2 * 0x9e3779b97f4a7c15ull;
    memcpy(octets, drawn, 16);
}

/* Counted in steps of 1 %, from one microsecond on. */
enum { STEPS = 2200 };
static const double STEP = 1.01;

struct latencies {
    uint64_t count, of[STEPS];
    double sum, most;
};

static void note_latency(struct latencies *all, uint64_t nanoseconds)
{
    double milliseconds = (double)nanoseconds / 1e6, step = log((double)nanoseconds / 1e3) / log(STEP);

    all->of[step < 0 ? 0 : step >= STEPS ? STEPS - 1 : (int)step]++;
    all->count++;
    all->sum += milliseconds;
    if (milliseconds > all->most) all->most = milliseconds;
}

/* Within how many milliseconds this part of all requests was answered. */
static double within(const struct latencies *all, double part)
{
    uint64_t wanted = (uint64_t)ceil(part * (double)all->count), seen = 0;

    for (int i = 0; i < STEPS && wanted > 0; i++) {
        seen += all->of[i];
        if (seen >= wanted) return fmin(pow(STEP, i + 0.5) / 1e3, all->most);
    }
    return all->most;
}

#endif
