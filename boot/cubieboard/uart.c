/* SPDX-License-Identifier: ISC */
/* uart.c - the serial console: a 16550 whose registers are words (Synopsys' DesignWare). Speed and
 * format are left as the loader set them: 115200 8N1.
 *
 * Two keys are the operator's, since there is no toolstack here: Ctrl-D asks the program to end,
 * Ctrl-R to end and start the board anew. All others wait, to be read, in a ring.
 */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "board.h"
#include "boot/common/bare/bare.h"
#include "mmio.h"

#define UART_DATA 0x00u
#define UART_IER 0x04u
#define UART_IER_RX 0x01u
#define UART_IIR 0x08u
#define UART_IIR_TIMEOUT 0x0cu
#define UART_FCR 0x08u
#define UART_FCR_ENABLE 0x01u
#define UART_LSR 0x14u
#define UART_LSR_READY 0x01u
#define UART_LSR_ERRORS 0x1cu /* parity, framing, break */
#define UART_LSR_ROOM 0x20u
#define UART_LSR_IDLE 0x40u

#define KEY_POWEROFF 0x04 /* Ctrl-D */
#define KEY_REBOOT 0x12   /* Ctrl-R */
#define RING_BYTES 256u
#define TAKE_MAX 64 /* at a time: a line that never falls silent must not hold us */
#define ROOM_NS (100 * NS_PER_MS)
#define DRAIN_NS (2 * NS_PER_S)

static uint8_t ring[RING_BYTES];
static uint32_t ring_in, ring_out; /* free-running */
static enum plat_request request;
static bool ready, deaf, in_line;

static uint32_t get(unsigned reg)
{
    return mmio_read(board()->uart + reg);
}

void uart_init(void)
{
    mmio_write(board()->uart + UART_FCR, UART_FCR_ENABLE);
    mmio_write(board()->uart + UART_IER, UART_IER_RX);
    ready = true;
}

/* ---- out ------------------------------------------------------------------------------------ */

/* Waits, within a bound, until the port can take a byte. After it has once not been so, nothing
 * waits before it is again. */
static bool has_room(void)
{
    uint64_t end;

    if ((get(UART_LSR) & UART_LSR_ROOM) == 0 && !deaf) {
        end = plat_now_ns() + ROOM_NS;
        while ((get(UART_LSR) & UART_LSR_ROOM) == 0 && plat_now_ns() < end)
            ;
    }
    deaf = (get(UART_LSR) & UART_LSR_ROOM) == 0;
    return !deaf;
}

static void put(uint8_t byte)
{
    if (has_room()) /* else it is lost */
        mmio_write(board()->uart + UART_DATA, byte);
}

void plat_console_write(struct cs_ro text)
{
    if (!ready)
        return;
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] == '\n')
            put('\r');
        put(text.base[i]);
        in_line = text.base[i] != '\n';
    }
}

void bare_emergency(const char *format, ...)
{
    char text[256];
    va_list args;
    size_t len;

    va_start(args, format);
    len = fmt_vbuf(text, sizeof(text), format, args);
    va_end(args);
    plat_console_write(cs_ro_of(text, size_min(len, sizeof(text) - 1)));
}

void bare_console_end_line(void)
{
    if (in_line)
        plat_console_write(cs_of_str("\n"));
}

void bare_console_drain(void)
{
    uint64_t end = plat_now_ns() + DRAIN_NS;

    while (ready && (get(UART_LSR) & UART_LSR_IDLE) == 0 && plat_now_ns() < end)
        ;
}

/* ---- in ------------------------------------------------------------------------------------- */

static void take(uint8_t byte)
{
    if (byte == KEY_POWEROFF)
        request = PLAT_POWEROFF;
    else if (byte == KEY_REBOOT)
        request = PLAT_REBOOT;
    else if (ring_in - ring_out < RING_BYTES)
        ring[ring_in++ % RING_BYTES] = byte; /* else it is lost */
}

bool uart_poll(void)
{
    bool any = false;

    /* The port may say "timeout" with nothing there to read, until it is read all the same. */
    if ((get(UART_IIR) & 0xf) == UART_IIR_TIMEOUT && (get(UART_LSR) & UART_LSR_READY) == 0)
        (void)get(UART_DATA);
    for (int i = 0; i < TAKE_MAX; i++) {
        uint32_t status = get(UART_LSR);
        uint8_t byte;

        if ((status & UART_LSR_READY) == 0)
            break;
        byte = (uint8_t)get(UART_DATA);
        any = true;
        if ((status & UART_LSR_ERRORS) == 0) /* noise must not switch the board off */
            take(byte);
    }
    return any;
}

int plat_console_read(void)
{
    if (ring_in == ring_out)
        (void)uart_poll();
    return ring_in == ring_out ? -E_AGAIN : ring[ring_out++ % RING_BYTES];
}

bool bare_console_exists(void)
{
    return true;
}

enum plat_request plat_request(void)
{
    (void)uart_poll();
    return request;
}
