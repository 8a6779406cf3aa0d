/* SPDX-License-Identifier: ISC */
/* emac_regs.h - Allwinner's EMAC, as the A10 and the A20 have it. There is no public manual; names
 * and meanings are those by which Linux and U-Boot call them. */
#ifndef BOOT_EMAC_REGS_H
#define BOOT_EMAC_REGS_H

#define EMAC_CTL 0x00
#define EMAC_CTL_RUN 0x1u /* 0 holds it in reset. QEMU: writing 1 resets, and it reads 0 */
#define EMAC_CTL_TX 0x2u
#define EMAC_CTL_RX 0x4u

#define EMAC_TX_MODE 0x04
#define EMAC_TX_MODE_ABORTED 0x1u /* an aborted frame is reported; bit 1: DMA */
#define EMAC_TX_CTL(channel) (0x0cu + 4u * (channel))
#define EMAC_TX_CTL_SEND 0x1u
#define EMAC_TX_INS 0x14 /* which channel's FIFO is filled */
#define EMAC_TX_LENGTH(channel) (0x18u + 4u * (channel))
#define EMAC_TX_DATA 0x24

#define EMAC_RX_CTL 0x3c
#define EMAC_RX_CTL_FLUSH 0x00000008u      /* goes to 0 by itself; not in QEMU */
#define EMAC_RX_CTL_PASS_RANGE 0x00000100u /* frames whose length field is no length: a type */
#define EMAC_RX_CTL_UNICAST 0x00010000u
#define EMAC_RX_CTL_FILTER 0x00020000u /* ... to our address only */
#define EMAC_RX_CTL_MULTICAST 0x00100000u
#define EMAC_RX_CTL_BROADCAST 0x00400000u
#define EMAC_RX_DATA 0x4c
#define EMAC_RX_FRAMES 0x50 /* in the FIFO; writing 0 empties QEMU's */

#define EMAC_INT_CTL 0x54
#define EMAC_INT_STATUS 0x58 /* write 1 to clear */
#define EMAC_INT_TX(channel) (0x1u << (channel))
#define EMAC_INT_TX_ABORT(channel) (0x4u << (channel))
#define EMAC_INT_TX_ALL 0xfu
#define EMAC_INT_RX 0x100u

#define EMAC_MAC_CTL0 0x5c
#define EMAC_MAC_CTL0_FLOW 0x0000000cu /* pause frames, both directions */
#define EMAC_MAC_CTL0_RESET 0x00008000u
#define EMAC_MAC_CTL1 0x60
#define EMAC_MAC_CTL1_DUPLEX 0x01u
#define EMAC_MAC_CTL1_CHECK_LENGTH 0x02u
#define EMAC_MAC_CTL1_CRC 0x10u
#define EMAC_MAC_CTL1_PAD 0x20u
#define EMAC_MAC_IPGT 0x64
#define EMAC_MAC_IPGT_FULL 0x15u
#define EMAC_MAC_IPGR 0x68
#define EMAC_MAC_IPGR_USUAL 0x0c12u
#define EMAC_MAC_CLRT 0x6c
#define EMAC_MAC_CLRT_USUAL 0x370fu /* collision window, retries */
#define EMAC_MAC_MAXF 0x70          /* longest frame, with its CRC */
#define EMAC_MAC_SUPP 0x74
#define EMAC_MAC_SUPP_100M 0x100u
#define EMAC_MAC_MCFG 0x7c
#define EMAC_MAC_MCFG_CLOCK 0x3fcu
#define EMAC_MAC_MCFG_CLOCK_72 0x34u /* MDC: the bus clock by 72 */
#define EMAC_MAC_MCMD 0x80
#define EMAC_MAC_MADR 0x84
#define EMAC_MAC_MWTD 0x88
#define EMAC_MAC_MRDD 0x8c
#define EMAC_MAC_MIND 0x90
#define EMAC_MAC_MIND_BUSY 0x1u
#define EMAC_MAC_A0 0x98 /* bytes 3 to 5 of our address */
#define EMAC_MAC_A1 0x9c /* bytes 0 to 2 */

/* In front of each received frame stand two words: this, then length (with CRC) and status. */
#define EMAC_RX_MAGIC 0x0143414du
#define EMAC_RX_OK 0x00800000u

/* The PHY's registers: IEEE 802.3 clause 22. */
#define MII_BMCR 0u
#define MII_BMCR_RESTART 0x0200u
#define MII_BMCR_AUTO 0x1000u
#define MII_BMCR_ISOLATE_OFF 0x0c00u /* power-down, isolate */
#define MII_BMSR 1u
#define MII_BMSR_LINK 0x0004u
#define MII_ID1 2u
#define MII_ID2 3u
#define MII_ADVERTISED 4u
#define MII_PARTNER 5u
#define MII_100_FULL 0x0100u
#define MII_100_HALF 0x0080u
#define MII_10_FULL 0x0040u

#endif
