/* SPDX-License-Identifier: ISC */
/* sdhost_regs.h - Allwinner's SD/MMC host, as the A10 and the A20 have it: A20 User Manual V1.4,
 * "SD/MMC"; what is not in there has the names by which Linux and U-Boot call it. */
#ifndef BOOT_SDHOST_REGS_H
#define BOOT_SDHOST_REGS_H

#define SD_GCTL 0x00
#define SD_GCTL_RESET 0x07u /* all of it, the FIFO, the DMA; each goes to 0 by itself */
#define SD_GCTL_FIFO_RESET 0x02u
#define SD_GCTL_DMA_RESET 0x04u
#define SD_GCTL_INTERRUPT 0x10u
#define SD_GCTL_DMA 0x20u
#define SD_CKCR 0x04
#define SD_CKCR_DIVIDER 0xffu
#define SD_CKCR_ON 0x10000u
#define SD_CKCR_LOW_POWER 0x20000u
#define SD_TMOR 0x08
#define SD_TMOR_LONGEST 0xffffffffu
#define SD_BWDR 0x0c
#define SD_BWDR_4_BITS 0x1u
#define SD_BKSR 0x10 /* bytes of a block, and of a transfer */
#define SD_BYCR 0x14
#define SD_CMDR 0x18
#define SD_CMDR_RESPONSE 0x40u
#define SD_CMDR_LONG 0x80u
#define SD_CMDR_CHECK_CRC 0x100u
#define SD_CMDR_DATA 0x200u
#define SD_CMDR_WRITE 0x400u
#define SD_CMDR_AUTO_STOP 0x1000u
#define SD_CMDR_WAIT 0x2000u /* for the transfer before */
#define SD_CMDR_STOP 0x4000u
#define SD_CMDR_INIT 0x8000u /* 80 clocks before it */
#define SD_CMDR_CLOCK 0x200000u
#define SD_CMDR_LOAD 0x80000000u /* goes to 0 when it is taken */
#define SD_CAGR 0x1c
#define SD_RESP(i) (0x20u + 4u * (i))
#define SD_IMKR 0x30
#define SD_RISR 0x38 /* write 1 to clear */
#define SD_RISR_NO_RESPONSE 0x2u
#define SD_RISR_COMMAND_DONE 0x4u
#define SD_RISR_DATA_DONE 0x8u
#define SD_RISR_RESPONSE_TIMEOUT 0x100u
#define SD_RISR_AUTO_STOP_DONE 0x4000u
/* CRCs, the data's time-out, FIFO, start and end bits; and those of the response above. */
#define SD_RISR_ERRORS 0xbbc2u
#define SD_STAR 0x3c
#define SD_STAR_CARD_BUSY 0x200u
#define SD_FWLR 0x40
#define SD_FWLR_USUAL 0x20070008u /* bursts of 8 words */
/* These two the manual does not explain; Linux writes them so. */
#define SD_FUNS 0x44
#define SD_FUNS_USUAL 0xceaa0000u
#define SD_DBGC 0x50
#define SD_DBGC_USUAL 0x0debu
#define SD_DMAC 0x80
#define SD_DMAC_RESET 0x01u
#define SD_DMAC_FIXED_BURST 0x02u
#define SD_DMAC_ON 0x80u
#define SD_DLBA 0x84 /* where the descriptors are */
#define SD_IDST 0x88 /* write 1 to clear */
#define SD_IDST_RECEIVED 0x2u
#define SD_IDST_FATAL 0x4u
#define SD_IDST_ALL 0x337u
#define SD_IDIE 0x8c

/* A descriptor's first word. The size in the second has 13 bits on the A10. */
#define SD_DESC_QUIET 0x02u /* no interrupt for this one */
#define SD_DESC_LAST 0x04u
#define SD_DESC_FIRST 0x08u
#define SD_DESC_CHAINED 0x10u
#define SD_DESC_END 0x20u
#define SD_DESC_DEVICES 0x80000000u

#endif
