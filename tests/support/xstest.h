/* SPDX-License-Identifier: ISC */
/* xstest.h - the xenstore client on the simulated hypervisor; each test includes it once. */
#ifndef TESTS_XSTEST_H
#define TESTS_XSTEST_H

#include <stdio.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>
#include <morgana/xenstore.h>

#include "simguest.h"
#include "xen/hypercall.h"

#include <xen/io/xs_wire.h>

static struct evtchn ev;
static uint32_t counts[4096];
static struct xs xs;
static char text[8192];

#define TEXT cs_of(text, sizeof(text))

static UNUSED struct xenstore_domain_interface *ring(void)
{
    return xen_start()->store_ring;
}

static UNUSED void begin(const struct sim_conf *conf, uint32_t index)
{
    struct evtchn_conf ec = {.force_2l = true, .counts = counts, .ports_max = 4096};
    simguest_init(conf);
    assert_int_equal(evtchn_init(&ev, &ec), 0);
    simguest_ev = &ev;
    assert_int_equal(evtchn_adopt(&ev, xen_start()->store_port), 0);
    ring()->req_prod = ring()->req_cons = index;
    ring()->rsp_prod = ring()->rsp_cons = index;
    struct xs_conf xc = {.ring = ring(), .ev = &ev, .port = xen_start()->store_port};
    assert_int_equal(xs_init(&xs, &xc), 0);
}

/* Indices begin near the wrap of 2^32, in every test. */
static UNUSED int setup(void **state)
{
    (void)state;
    begin(NULL, UINT32_C(0xffffffe0));
    return 0;
}

static UNUSED int teardown(void **state)
{
    (void)state;
    xs_fini(&xs);
    simguest_fini();
    return 0;
}

static UNUSED void settle(void)
{
    for (unsigned i = 0; i < 10; i++) {
        sim_run_until_idle();
        xs_poll(&xs);
    }
}

#endif
