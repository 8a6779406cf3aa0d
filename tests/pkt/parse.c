/* SPDX-License-Identifier: ISC */
/* parse.c - a script: option lines, then events, each a time and what happens then. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

struct arena_block {
    struct arena_block *next;
    max_align_t bytes[];
};

void *script_alloc(struct script *script, size_t bytes)
{
    struct arena_block *block = calloc(1, sizeof(*block) + bytes);

    if (block == NULL)
        abort();
    block->next = script->arena.blocks;
    script->arena.blocks = block;
    return block->bytes;
}

const char *script_text(struct script *script, const char *text, size_t len)
{
    char *copy = script_alloc(script, len + 1);

    memcpy(copy, text, len);
    return copy;
}

void script_free(struct script *script)
{
    struct arena_block *block;

    while ((block = script->arena.blocks) != NULL) {
        script->arena.blocks = block->next;
        free(block);
    }
    lex_free(&script->lexed);
    free(script->text);
    script->text = NULL;
}

/* ---- the cursor ------------------------------------------------------------------------------ */

const struct token *parse_peek(const struct parser *p, size_t ahead)
{
    const struct token *token = p->at;

    while (ahead-- > 0 && token->kind != TK_END)
        token++;
    return token;
}

bool parse_word(struct parser *p, const char *word)
{
    if (!token_is(p->at, word))
        return false;
    p->at++;
    return true;
}

bool parse_punct(struct parser *p, char c)
{
    if (!token_is_punct(p->at, c))
        return false;
    p->at++;
    return true;
}

bool parse_error(struct parser *p, const char *format, ...)
{
    va_list args;

    p->error->line = p->at->line;
    va_start(args, format);
    vsnprintf(p->error->text, sizeof(p->error->text), format, args);
    va_end(args);
    return false;
}

bool parse_fail(struct parser *p, const char *expected)
{
    const struct token *token = p->at;

    if (token->kind == TK_END)
        return parse_error(p, "expected %s, found the end of the script", expected);
    return parse_error(p, "expected %s, found '%.*s'", expected,
                       (int)(token->len < 40 ? token->len : 40), token->text);
}

bool parse_need(struct parser *p, char c)
{
    char what[] = {'\'', c, '\'', '\0'};

    return parse_punct(p, c) || parse_fail(p, what);
}

bool parse_unsupported(struct parser *p, const char *what)
{
    struct script *script = p->script;

    snprintf(script->unsupported, sizeof(script->unsupported), "line %u: %s", p->at->line, what);
    return false;
}

bool parse_int(struct parser *p, const char *what, int64_t min, int64_t max, int64_t *out)
{
    if (p->at->kind != TK_INT)
        return parse_fail(p, what);
    if (p->at->value < min || p->at->value > max)
        return parse_error(p, "%s %lld is out of range", what, (long long)p->at->value);
    *out = p->at->value;
    p->at++;
    return true;
}

/* ---- times ----------------------------------------------------------------------------------- */

/* Seconds with a fraction, digit by digit: a double would lose nanoseconds. */
static bool parse_time(struct parser *p, int64_t *ns)
{
    const struct token *token = p->at;
    int64_t unit = 1000000000, value = 0;
    bool fraction = false;

    if (token->kind != TK_INT && token->kind != TK_FLOAT)
        return parse_fail(p, "a time in seconds");
    if (token->text[0] == '-')
        return parse_error(p, "a time below zero");
    for (size_t i = 0; i < token->len; i++) {
        char c = token->text[i];

        if (c == '.') {
            fraction = true;
        } else if (c < '0' || c > '9' || value > INT64_MAX / 20) {
            return parse_error(p, "a bad time");
        } else if (!fraction) {
            value = 10 * value + (c - '0') * unit;
        } else {
            unit /= 10;
            value += (c - '0') * unit;
        }
    }
    *ns = value;
    p->at++;
    return true;
}

static bool parse_when(struct parser *p, struct event *event)
{
    if (parse_punct(p, '*')) {
        event->time = TIME_ANY;
        return true;
    }
    event->time = parse_punct(p, '+') ? TIME_RELATIVE : TIME_ABSOLUTE;
    if (!parse_time(p, &event->at_ns))
        return false;
    event->until_ns = event->at_ns;
    if (parse_punct(p, '~')) {
        event->range = true;
        parse_punct(p, '+');
        if (!parse_time(p, &event->until_ns))
            return false;
        if (event->until_ns < event->at_ns)
            return parse_error(p, "a time range that goes backwards");
    }
    return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool parse_text_event(struct parser *p, struct event *event)
{
    event->kind = p->at->kind == TK_CODE ? EV_CODE : EV_COMMAND;
    event->u.text = *p->at;
    p->at++;
    return true;
}

static bool parse_call_event(struct parser *p, struct event *event)
{
    event->kind = EV_CALL;
    if (p->at->kind == TK_ELLIPSIS) {
        p->at++;
        event->u.call.blocking = true;
        parse_punct(p, '+');
        if (!parse_time(p, &event->u.call.end_ns))
            return false;
    }
    return parse_call(p, &event->u.call);
}

static bool parse_event(struct parser *p, struct event *event)
{
    event->line = p->at->line;
    if (p->at->kind == TK_COMMAND || p->at->kind == TK_CODE) {
        event->time = TIME_NONE; /* the init and clean-up blocks */
        return parse_text_event(p, event);
    }
    if (!parse_when(p, event))
        return false;
    if (token_is_punct(p->at, '<') || token_is_punct(p->at, '>')) {
        bool inbound = token_is_punct(p->at, '<');

        if (inbound && (event->range || event->time == TIME_ANY))
            return parse_error(p, "only an outbound packet may come at any time");
        event->kind = EV_PACKET;
        p->at++;
        return parse_packet(p, inbound, &event->u.packet);
    }
    if (event->range || event->time == TIME_ANY)
        return parse_error(p, "only an outbound packet may come at any time");
    if (p->at->kind == TK_COMMAND || p->at->kind == TK_CODE)
        return parse_text_event(p, event);
    return parse_call_event(p, event);
}

static bool parse_option_line(struct parser *p)
{
    struct script *script = p->script;
    const struct token *token = p->at;
    bool ok = script_option(&script->conf, token->text, token->len, script->unsupported,
                            sizeof(script->unsupported), p->error);

    p->error->line = token->line;
    p->at++;
    return ok && script->unsupported[0] == '\0';
}

static bool parse_all(struct parser *p)
{
    struct event **tail = &p->script->events;
    int64_t last_ns = 0;

    while (p->at->kind != TK_END) {
        struct event *event;

        if (p->at->kind == TK_OPTION) {
            if (!parse_option_line(p))
                return false;
            continue;
        }
        event = script_alloc(p->script, sizeof(*event));
        if (!parse_event(p, event))
            return false;
        if (event->time == TIME_ABSOLUTE) {
            if (event->at_ns < last_ns) {
                p->error->line = event->line;
                snprintf(p->error->text, sizeof(p->error->text), "time goes backwards");
                return false;
            }
            last_ns = event->at_ns;
        }
        *tail = event;
        tail = &event->next;
    }
    return p->script->events != NULL || parse_error(p, "a script without an event");
}

/* Options stand first, but a definition among them changes how what follows is cut: they are read
 * before the text is. */
static bool read_defines(struct script *script, struct lex_error *error)
{
    struct lexed lexed;
    bool ok = lex(script->text, script->text_len, NULL, &lexed, error);

    for (size_t i = 0; ok && lexed.tokens[i].kind == TK_OPTION; i++) {
        const struct token *token = &lexed.tokens[i];

        error->line = token->line;
        if (token->len > 9 && memcmp(token->text, "--define=", 9) == 0)
            ok = script_option(&script->conf, token->text, token->len, script->unsupported,
                               sizeof(script->unsupported), error);
    }
    lex_free(&lexed);
    return ok;
}

bool script_parse(struct script *script, const char *path, char *text, size_t len,
                  const struct script_conf *conf, struct lex_error *error)
{
    struct parser p = {.script = script, .error = error};

    *script = (struct script){.path = path, .text = text, .text_len = len, .conf = *conf};
    *error = (struct lex_error){0};
    if (!read_defines(script, error) ||
        !lex(text, len, &script->conf.defines, &script->lexed, error))
        return false;
    p.at = script->lexed.tokens;
    return parse_all(&p) || script->unsupported[0] != '\0';
}
