/* SPDX-License-Identifier: ISC */
/* bench_cksum.c - the internet checksum against lwIP's, and against memcpy, which only moves the
 * bytes.
 *
 * All run in turn, A B C D A B C D, so that what the machine does meanwhile hits each of them
 * alike; the medians of the rounds are printed, and their ratios. The data lie in the first cache,
 * at the alignment that UDP payload has in a page. x86-64: ticks are the TSC's. lwIP is Debian's
 * shared library (package liblwip0), loaded at run time; without it its column is empty. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/cksum.h>

#define ROUNDS 15
#define BYTES_A_ROUND (512 * 1024)
#define PAYLOAD_OFF 42 /* Ethernet 14, IPv4 20, UDP 8 */
#define SIZE_MAX_BENCHED 65536

enum who { SCALAR, VECTOR, LWIP, MEMCPY, WHO };
static const char *const names[WHO] = {"scalar", "vector", "lwIP", "memcpy"};

static uint8_t *data, *copy;
static uint16_t (*lwip_chksum)(const void *, int);
static volatile uint32_t sink;

static uint64_t ticks(void)
{
    uint32_t low, high;

    __asm__ __volatile__("lfence; rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static void run(enum who who, size_t size, size_t times)
{
    uint32_t sum = 0;

    switch (who) {
    case SCALAR:
    case VECTOR:
        for (size_t i = 0; i < times; i++)
            sum = cksum_partial(cs_ro_of(data, size), sum);
        break;
    case LWIP:
        for (size_t i = 0; i < times; i++)
            sum += lwip_chksum(data, (int)size);
        break;
    default:
        for (size_t i = 0; i < times; i++) {
            memcpy(copy, data, size);
            __asm__ __volatile__("" ::: "memory");
        }
        break;
    }
    sink = sum;
}

static double bytes_per_tick(enum who who, size_t size)
{
    size_t times = BYTES_A_ROUND / size;
    uint64_t start;

    cksum_init(who == VECTOR);
    run(who, size, times / 8 + 1); /* warm */
    start = ticks();
    run(who, size, times);
    return (double)(times * size) / (double)(ticks() - start);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* All must give the same answer, or speed is worth nothing. */
static bool agree(size_t size)
{
    uint16_t scalar, vector;

    cksum_init(false);
    scalar = cksum_finish(cksum_partial(cs_ro_of(data, size), 0));
    cksum_init(true);
    vector = cksum_finish(cksum_partial(cs_ro_of(data, size), 0));
    if (lwip_chksum != NULL && (uint16_t)~__builtin_bswap16(lwip_chksum(data, (int)size)) != scalar)
        return false;
    return scalar == vector;
}

static void print_header(void)
{
    char line[256] = "", *model = NULL;
    FILE *cpu = fopen("/proc/cpuinfo", "r");

    while (cpu != NULL && model == NULL && fgets(line, sizeof(line), cpu) != NULL)
        model = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') + 2 : NULL;
    if (cpu != NULL)
        fclose(cpu);
    printf("Internet checksum, bytes per TSC tick (more is faster)\n");
    printf("Made by: build/host/bench/bench_cksum; compiler %s\n", __VERSION__);
    printf("CPU: %s", model != NULL ? model : "unknown\n");
    printf("Median of %d rounds, all four interleaved; %d KiB a round, data in cache, offset %d.\n",
           ROUNDS, BYTES_A_ROUND / 1024, PAYLOAD_OFF);
    printf("vector: %s; lwIP: %s\n\n", cksum_init(true) ? "AVX2" : "not on this CPU",
           lwip_chksum != NULL ? "Debian's liblwip0, lwip_standard_chksum" : "not installed");
    printf("%7s", "bytes");
    for (int who = 0; who < WHO; who++)
        printf(" %8s", names[who]);
    printf("  %11s %11s %13s\n", "scalar/lwIP", "vector/lwIP", "vector/scalar");
}

static void bench(size_t size)
{
    double rates[WHO][ROUNDS], median[WHO] = {0};

    if (!agree(size)) {
        fprintf(stderr, "bench_cksum: different sums of %zu bytes\n", size);
        exit(1);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int who = 0; who < WHO; who++)
            rates[who][round] =
                who == LWIP && lwip_chksum == NULL ? 0 : bytes_per_tick((enum who)who, size);
    }
    printf("%7zu", size);
    for (int who = 0; who < WHO; who++) {
        qsort(rates[who], ROUNDS, sizeof(double), ascending);
        median[who] = rates[who][ROUNDS / 2];
        printf(" %8.2f", median[who]);
    }
    if (lwip_chksum != NULL)
        printf("  %11.2f %11.2f", median[SCALAR] / median[LWIP], median[VECTOR] / median[LWIP]);
    else
        printf("  %11s %11s", "-", "-");
    printf(" %13.2f\n", median[VECTOR] / median[SCALAR]);
}

int main(void)
{
    static const size_t sizes[] = {8,   20,  26,  64,   128,  160,  192,
                                   256, 512, 576, 1024, 1460, 4096, SIZE_MAX_BENCHED};
    void *lwip = dlopen("liblwip.so.0", RTLD_NOW);

    if (lwip != NULL)
        *(void **)&lwip_chksum = dlsym(lwip, "lwip_standard_chksum");
    data = (uint8_t *)aligned_alloc(4096, SIZE_MAX_BENCHED + 4096) + PAYLOAD_OFF;
    copy = (uint8_t *)aligned_alloc(4096, SIZE_MAX_BENCHED + 4096) + PAYLOAD_OFF;
    for (size_t i = 0; i < SIZE_MAX_BENCHED; i++)
        data[i] = (uint8_t)(i * 251 + i / 256);
    print_header();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        bench(sizes[i]);
    return 0;
}
