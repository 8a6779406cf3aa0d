/* SPDX-License-Identifier: ISC */
/* image.h - what the linker script and the build say of the image, on every bare machine. */
#ifndef BOOT_BARE_IMAGE_H
#define BOOT_BARE_IMAGE_H

#include <stdint.h>

/* The linker script's, all on pages. Text: image_start .. rodata_start; read-only: .. data_start;
 * the rest is writable. */
extern const uint8_t boot_image_start[], boot_rodata_start[], boot_data_start[], boot_image_end[];
/* The stack, and the page below it, which nobody may touch. */
extern uint8_t boot_stack_guard[], boot_stack[], boot_stack_top[];
extern void (*const boot_init_array_start[])(void);
extern void (*const boot_init_array_end[])(void);

/* Of every program: the build made a file with it (mk/image.mk). */
extern const char boot_program_name[];

#endif
