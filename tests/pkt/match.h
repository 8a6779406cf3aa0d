/* SPDX-License-Identifier: ISC */
/* match.h - is this the packet that the script expects? */
#ifndef PKT_MATCH_H
#define PKT_MATCH_H

#include "flow.h"

/* Compares a packet in the script's numbers with what is expected. True, or false with one line
 * that names the field. Ports, times and payload are the caller's to compare. */
bool match_packet(const struct packet_spec *want, const struct wire_packet *got,
                  const struct script_conf *conf, char *why, size_t room);
/* The payload is what the program wrote there. */
bool match_payload(const struct flow *flow, const struct wire_packet *got, char *why, size_t room);
/* What is expected as a packet, to be printed. */
void match_spec_packet(const struct packet_spec *spec, struct wire_packet *out);

#endif
