/* SPDX-License-Identifier: ISC */
/* emac_phy.c - the PHY behind the EMAC, by MDIO (IEEE 802.3 clause 22): is there a link, and how
 * fast. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "emac.h"
#include "emac_regs.h"
#include "mmio.h"

#define PHY_USUAL 1u /* of the Cubieboard's RTL8201CP */

/* Waits, within a bound, for the MDIO bus. */
static void run_command(uintptr_t base, unsigned phy, unsigned reg)
{
    uint64_t end = plat_now_ns() + EMAC_MDIO_WAIT_NS;

    mmio_write(base + EMAC_MAC_MADR, phy << 8 | reg);
    mmio_write(base + EMAC_MAC_MCMD, 1);
    while ((mmio_read(base + EMAC_MAC_MIND) & EMAC_MAC_MIND_BUSY) != 0 && plat_now_ns() < end)
        ;
    mmio_write(base + EMAC_MAC_MCMD, 0);
}

static uint16_t mdio_read(const struct emac *emac, unsigned phy, unsigned reg)
{
    run_command(emac->conf.base, phy, reg);
    return (uint16_t)mmio_read(emac->conf.base + EMAC_MAC_MRDD);
}

static void mdio_write(const struct emac *emac, unsigned phy, unsigned reg, uint16_t value)
{
    run_command(emac->conf.base, phy, reg);
    mmio_write(emac->conf.base + EMAC_MAC_MWTD, value);
}

/* Nobody at an address: the line stays high. No clock, or no bus: it reads zeros. */
static bool answers(const struct emac *emac, unsigned phy)
{
    uint16_t id1 = mdio_read(emac, phy, MII_ID1), id2 = mdio_read(emac, phy, MII_ID2);

    return !(id1 == 0xffff && id2 == 0xffff) && !(id1 == 0 && id2 == 0);
}

void emac_phy_find(struct emac *emac)
{
    uint16_t control;

    emac->phy = EMAC_NO_PHY;
    for (unsigned i = 0; i < EMAC_NO_PHY && emac->phy == EMAC_NO_PHY; i++) {
        unsigned phy = (PHY_USUAL + i) % EMAC_NO_PHY;

        if (answers(emac, phy))
            emac->phy = (uint8_t)phy;
    }
    if (emac->phy == EMAC_NO_PHY) {
        LOG_ERROR("emac: no PHY answers: the link stays down");
        return;
    }
    control = mdio_read(emac, emac->phy, MII_BMCR);
    /* One that negotiates already keeps its link. */
    if ((control & MII_BMCR_AUTO) == 0 || (control & MII_BMCR_ISOLATE_OFF) != 0)
        mdio_write(
            emac, emac->phy, MII_BMCR,
            (uint16_t)((control & ~MII_BMCR_ISOLATE_OFF) | MII_BMCR_AUTO | MII_BMCR_RESTART));
}

/* What both ends can do best (802.3 annex 28B.3); one that does not negotiate is half duplex. */
static void follow_partner(const struct emac *emac, bool *fast, bool *full)
{
    unsigned both =
        mdio_read(emac, emac->phy, MII_ADVERTISED) & mdio_read(emac, emac->phy, MII_PARTNER);

    *fast = (both & (MII_100_FULL | MII_100_HALF)) != 0;
    *full = (both & MII_100_FULL) != 0 || (!*fast && (both & MII_10_FULL) != 0);
    (*fast ? mmio_set_bits : mmio_clear_bits)(emac->conf.base + EMAC_MAC_SUPP, EMAC_MAC_SUPP_100M);
    (*full ? mmio_set_bits : mmio_clear_bits)(emac->conf.base + EMAC_MAC_CTL1,
                                              EMAC_MAC_CTL1_DUPLEX);
}

void emac_phy_poll(struct emac *emac)
{
    uint64_t now = plat_now_ns();
    bool up, fast, full;

    if (emac->phy == EMAC_NO_PHY || now < emac->link_ns)
        return;
    emac->link_ns = now + EMAC_LINK_POLL_NS;
    /* The bit tells of a loss since the last read: the second says how it is. */
    (void)mdio_read(emac, emac->phy, MII_BMSR);
    up = (mdio_read(emac, emac->phy, MII_BMSR) & MII_BMSR_LINK) != 0;
    if (up)
        follow_partner(emac, &fast, &full);
    if (up == emac->dev.link_up)
        return;
    emac->dev.link_up = up;
    emac->link_changed = true;
    if (up)
        LOG_INFO("emac: link up, %s Mbit/s, %s duplex", fast ? "100" : "10",
                 full ? "full" : "half");
    else
        LOG_INFO("emac: link down");
}
