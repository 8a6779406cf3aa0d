/* SPDX-License-Identifier: ISC */
/* dhcp_conf_class.c - dhcpd.conf: `class`, `subclass`, and the expressions by which clients belong
 * to them. */
#include "dhcp_conf_priv.h"

struct agent_word {
    const char *word;
    uint8_t code;
};

/* Sub-options of option 82 (RFC 3046, 3527, 3993). */
static const struct agent_word agent_words[] = {
    {"agent.circuit-id", 1},
    {"agent.remote-id", 2},
    {"agent.link-selection", 5},
    {"agent.subscriber-id", 6},
};

struct dhcp_class *dhcp_conf_class_find(struct conf_parser *p, struct cs_ro name)
{
    for (struct dhcp_class *c = p->conf->classes; c; c = c->next)
        if (cs_equal(c->name, name))
            return c;
    return NULL;
}

/* NAME of `option NAME`, also one of option 82's. */
static bool match_option(struct conf_parser *p, struct dhcp_match *match)
{
    const char *format;

    for (size_t i = 0; i < ARRAY_SIZE(agent_words); i++)
        if (dhcp_conf_is(p, agent_words[i].word)) {
            match->what = DHCP_MATCH_AGENT;
            match->code = agent_words[i].code;
            return dhcp_conf_next(p);
        }
    match->what = DHCP_MATCH_OPTION;
    return dhcp_conf_option_ref(p, &match->code, &format);
}

/* option NAME | hardware */
static bool match_source(struct conf_parser *p, struct dhcp_match *match)
{
    bool hardware;

    if (!dhcp_conf_accept(p, "hardware", &hardware))
        return false;
    if (hardware) {
        match->what = DHCP_MATCH_HARDWARE;
        return true;
    }
    if (!dhcp_conf_is(p, "option"))
        return dhcp_conf_fail_expected(p, "\"option NAME\", \"hardware\" or \"substring(...)\"");
    return dhcp_conf_next(p) && match_option(p, match);
}

/* substring(source, offset, length) | source */
static bool match_data(struct conf_parser *p, struct dhcp_match *match)
{
    bool part;

    match->off = 0;
    match->len = UINT32_MAX;
    if (!dhcp_conf_accept(p, "substring", &part))
        return false;
    if (!part)
        return match_source(p, match);
    return dhcp_conf_expect(p, "(") && match_source(p, match) && dhcp_conf_expect(p, ",") &&
           dhcp_conf_u32(p, 65535, &match->off) && dhcp_conf_expect(p, ",") &&
           dhcp_conf_u32(p, 65535, &match->len) && dhcp_conf_expect(p, ")");
}

/* exists NAME | data = value */
static bool match_condition(struct conf_parser *p, struct dhcp_match *match)
{
    bool optional;

    if (!dhcp_conf_accept(p, "exists", &match->exists))
        return false;
    if (match->exists) {
        match->len = UINT32_MAX;
        return dhcp_conf_accept(p, "option", &optional) && match_option(p, match);
    }
    match->has_value = true;
    return match_data(p, match) && dhcp_conf_expect(p, "=") && dhcp_conf_bytes(p, &match->value);
}

/* What follows the word `match`. */
static bool match_statement(struct conf_parser *p, const struct conf_place *place)
{
    struct dhcp_match *match = &place->class->match;
    bool condition;

    if (match->what != DHCP_MATCH_NONE)
        return dhcp_conf_fail_at(p, p->last_line, p->last_column,
                                 "a class has one match statement, found a second");
    if (!dhcp_conf_accept(p, "if", &condition))
        return false;
    return (condition ? match_condition(p, match) : match_data(p, match)) &&
           dhcp_conf_expect(p, ";");
}

bool dhcp_conf_class(struct conf_parser *p, struct dhcp_scope *parent)
{
    struct dhcp_class *class = dhcp_conf_alloc(p, sizeof(*class)), **at = &p->conf->classes;
    struct conf_place place = {.block = CONF_CLASS, .class = class};
    uint32_t line = p->token_line, column = p->token_column;

    if (!class || !dhcp_conf_name(p, &class->name))
        return false;
    if (dhcp_conf_class_find(p, class->name))
        return dhcp_conf_fail_at(p, line, column, "a class of this name is there already");
    class->scope.parent = parent;
    place.scope = &class->scope;
    if (!dhcp_conf_block(p, &place))
        return false;
    while (*at)
        at = &(*at)->next;
    *at = class;
    return true;
}

bool dhcp_conf_subclass(struct conf_parser *p, struct dhcp_scope *parent)
{
    uint32_t line = p->token_line, column = p->token_column;
    struct dhcp_subclass *sub = dhcp_conf_alloc(p, sizeof(*sub)), **at;
    struct conf_place place = {.block = CONF_CLASS};
    struct dhcp_class *class;
    struct cs_ro name;

    (void)parent; /* a subclass inherits from its class */
    if (!sub || !dhcp_conf_name(p, &name))
        return false;
    class = dhcp_conf_class_find(p, name);
    if (!class)
        return dhcp_conf_fail_at(p, line, column, "expected the name of a class defined above");
    if (class->match.what == DHCP_MATCH_NONE || class->match.has_value || class->match.exists)
        return dhcp_conf_fail_at(p, line, column,
                                 "expected a class with `match DATA;`, without `if`");
    if (!dhcp_conf_bytes(p, &sub->key))
        return false;
    sub->scope.parent = &class->scope;
    place.scope = &sub->scope;
    if (dhcp_conf_is(p, "{") ? !dhcp_conf_block(p, &place) : !dhcp_conf_expect(p, ";"))
        return false;
    for (at = &class->subclasses; *at; at = &(*at)->next)
        ;
    *at = sub;
    return true;
}

bool dhcp_conf_match(struct conf_parser *p, const struct conf_place *place)
{
    if (!place->class)
        return dhcp_conf_fail_at(p, p->last_line, p->last_column,
                                 "a subclass has no match of its own");
    return match_statement(p, place);
}
