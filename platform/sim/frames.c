/* SPDX-License-Identifier: ISC */
/* frames.c - memory of the simulated machine: frame numbers of the guest's pages, and frames
 * that can be mapped twice.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim_priv.h"

#define ADDRESS_WINDOWS (1u << (48 - SIM_WINDOW_SHIFT)) /* user addresses have 47 or 48 bits */

struct sim_windows sim_windows;

static struct {
    int fd;
    uint8_t *base;                    /* the memfd as domain 0 sees it */
    uint8_t used[SIM_FRAMES];         /* by alloc */
    uint8_t *shared[SIM_FRAMES];      /* the guest's page that was moved here */
    uint16_t number[ADDRESS_WINDOWS]; /* of an address window; 0: none yet */
} frames;

int sim_frames_init(void)
{
    frames.fd = memfd_create("morgana-sim", MFD_CLOEXEC);
    if (frames.fd < 0)
        return -E_NOMEM;
    size_t size = (size_t)SIM_FRAMES * SIM_PAGE;
    void *base = MAP_FAILED;
    if (ftruncate(frames.fd, (off_t)size) == 0)
        base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, frames.fd, 0);
    if (base == MAP_FAILED) {
        close(frames.fd);
        return -E_NOMEM;
    }
    frames.base = base;
    memset(frames.used, 0, sizeof(frames.used));
    memset(frames.shared, 0, sizeof(frames.shared));
    return 0;
}

void sim_frames_fini(void)
{
    munmap(frames.base, (size_t)SIM_FRAMES * SIM_PAGE);
    close(frames.fd);
    frames.base = NULL;
}

void *sim_frame(unsigned index)
{
    ASSERT(index < SIM_FRAMES);
    return frames.base + (size_t)index * SIM_PAGE;
}

uint64_t virt_to_gfn(const void *virt)
{
    uintptr_t address = (uintptr_t)virt;
    uintptr_t window = address >> SIM_WINDOW_SHIFT;
    ASSERT(window < ADDRESS_WINDOWS);
    uint32_t number = frames.number[window];
    if (UNLIKELY(number == 0)) {
        ASSERT(sim_windows.count < SIM_WINDOWS_MAX - 1);
        number = ++sim_windows.count;
        frames.number[window] = (uint16_t)number;
        sim_windows.address[number] = (uint32_t)window;
    }
    return (uint64_t)number * SIM_WINDOW_FRAMES +
           ((address >> SIM_PAGE_SHIFT) & (SIM_WINDOW_FRAMES - 1));
}

uint64_t sim_frame_gfn(unsigned index)
{
    return virt_to_gfn(sim_frame(index));
}

bool sim_frame_map_at(unsigned index, void *virt, bool read_only)
{
    if (((uintptr_t)virt & (SIM_PAGE - 1)) != 0)
        return false;
    int prot = read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    return mmap(virt, SIM_PAGE, prot, MAP_SHARED | MAP_FIXED, frames.fd,
                (off_t)index * (off_t)SIM_PAGE) != MAP_FAILED;
}

bool sim_frame_unmap_at(void *virt)
{
    return mmap(virt, SIM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                0) != MAP_FAILED;
}

unsigned sim_frame_alloc(void)
{
    for (unsigned i = SIM_FRAME_DOM0; i < SIM_FRAMES; i++) {
        if (!frames.used[i]) {
            frames.used[i] = 1;
            memset(sim_frame(i), 0, SIM_PAGE);
            return i;
        }
    }
    return SIM_FRAMES;
}

void sim_frame_free(unsigned index)
{
    ASSERT(index >= SIM_FRAME_DOM0 && index < SIM_FRAMES && frames.used[index]);
    frames.used[index] = 0;
}

unsigned sim_frame_share(uint8_t *page)
{
    if (page >= frames.base && page < frames.base + (size_t)SIM_FRAMES * SIM_PAGE)
        return (unsigned)((size_t)(page - frames.base) / SIM_PAGE);
    for (unsigned i = SIM_FRAME_DOM0; i < SIM_FRAMES; i++) {
        if (frames.shared[i] == page)
            return i;
    }
    unsigned index = sim_frame_alloc();
    if (index == SIM_FRAMES)
        return index;
    memcpy(sim_frame(index), page, SIM_PAGE);
    if (!sim_frame_map_at(index, page, false)) {
        sim_frame_free(index);
        return SIM_FRAMES;
    }
    frames.shared[index] = page;
    return index;
}
