/* SPDX-License-Identifier: ISC */
/* newlib_names.S - what Debian's newlib for ARM wants from below bears an underscore; the manual's
 * names, and boot/common/bare/newlib.c's, bear none. */

        .arm
        .macro  named name
        .section .text._\name, "ax", %progbits
        .balign 4
        .globl  _\name
        .type   _\name, %function
_\name: b       \name
        .size   _\name, . - _\name
        .endm

        named   sbrk
        named   write
        named   read
        named   close
        named   fstat
        named   isatty
        named   lseek
        named   getpid
        named   kill
        named   gettimeofday
        named   times

        .section .note.GNU-stack, "", %progbits
