/* SPDX-License-Identifier: ISC */
/* fmt.c - the small printf: integers, strings and characters, into a buffer that is never overrun;
 * addresses as text; MAC addresses and numbers from text.
 *
 * A conversion is parsed into a struct spec, its digits are made from the right in a small array,
 * and emit_field pads them. Output beyond the buffer is counted, not stored, so that the result
 * says how much room would have done. */
#include <morgana/log.h>

struct out {
    char *text;
    size_t size, len; /* len counts what did not fit too */
};

struct spec {
    bool left, zero, blank;
    size_t width;
    bool has_precision;
    size_t precision;
    char length; /* 'H' hh, 'h', 0, 'l', 'L' ll, 'z' */
};

static void emit(struct out *out, char c)
{
    if (out->len < out->size)
        out->text[out->len] = c;
    out->len++;
}

static void emit_n(struct out *out, char c, size_t n)
{
    while (n-- > 0)
        emit(out, c);
}

/* Pads to the width: blanks before `sign`, or zeros between it and the digits, or blanks after. */
static void emit_field(struct out *out, const struct spec *spec, const char *sign, size_t zeros,
                       const char *body, size_t n)
{
    size_t sign_len = __builtin_strlen(sign), used = sign_len + zeros + n;
    size_t pad = spec->width > used ? spec->width - used : 0;

    if (!spec->left && !spec->zero)
        emit_n(out, ' ', pad);
    for (size_t i = 0; i < sign_len; i++)
        emit(out, sign[i]);
    emit_n(out, '0', zeros + (spec->zero && !spec->left ? pad : 0));
    for (size_t i = 0; i < n; i++)
        emit(out, body[i]);
    if (spec->left)
        emit_n(out, ' ', pad);
}

static void emit_uint(struct out *out, struct spec spec, const char *sign, uint64_t value,
                      unsigned radix, const char *digits)
{
    char text[20]; /* 2^64 - 1 has 20 decimal digits */
    size_t n = 0, least = spec.has_precision ? spec.precision : 1;

    for (; value != 0; value /= radix)
        text[sizeof(text) - ++n] = digits[value % radix];
    if (spec.has_precision)
        spec.zero = false; /* C11 7.21.6.1: with a precision, the 0 flag is ignored */
    emit_field(out, &spec, sign, least > n ? least - n : 0, text + sizeof(text) - n, n);
}

static uint64_t take_unsigned(char length, va_list *args)
{
    switch (length) {
    case 'H':
        return (unsigned char)va_arg(*args, unsigned);
    case 'h':
        return (unsigned short)va_arg(*args, unsigned);
    case 'l':
        return va_arg(*args, unsigned long);
    case 'L':
        return va_arg(*args, unsigned long long);
    case 'z':
        return va_arg(*args, size_t);
    default:
        return va_arg(*args, unsigned);
    }
}

static int64_t take_signed(char length, va_list *args)
{
    switch (length) {
    case 'H':
        return (signed char)va_arg(*args, int);
    case 'h':
        return (short)va_arg(*args, int);
    case 'l':
        return va_arg(*args, long);
    case 'L':
        return va_arg(*args, long long);
    case 'z':
        return (int64_t)va_arg(*args, size_t);
    default:
        return va_arg(*args, int);
    }
}

static void emit_string(struct out *out, struct spec spec, const char *s)
{
    size_t n = 0;

    if (s == NULL)
        s = "(null)";
    /* With a precision the string need not be terminated. */
    while ((!spec.has_precision || n < spec.precision) && s[n] != '\0')
        n++;
    spec.zero = false;
    emit_field(out, &spec, "", 0, s, n);
}

/* One conversion, its letter being `c`; false where there is no such conversion. */
static bool emit_conversion(struct out *out, struct spec spec, char c, va_list *args)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    int64_t value;
    char one;

    switch (c) {
    case 'd':
    case 'i':
        value = take_signed(spec.length, args);
        emit_uint(out, spec,
                  value < 0    ? "-"
                  : spec.blank ? " "
                               : "",
                  value < 0 ? -(uint64_t)value : (uint64_t)value, 10, lower);
        return true;
    case 'u':
        emit_uint(out, spec, "", take_unsigned(spec.length, args), 10, lower);
        return true;
    case 'x':
        emit_uint(out, spec, "", take_unsigned(spec.length, args), 16, lower);
        return true;
    case 'X':
        emit_uint(out, spec, "", take_unsigned(spec.length, args), 16, upper);
        return true;
    case 'p':
        emit_uint(out, spec, "0x", (uintptr_t)va_arg(*args, void *), 16, lower);
        return true;
    case 's':
        emit_string(out, spec, va_arg(*args, const char *));
        return true;
    case 'c':
        one = (char)va_arg(*args, int);
        spec.zero = false;
        emit_field(out, &spec, "", 0, &one, 1);
        return true;
    case '%':
        emit(out, '%');
        return true;
    default:
        return false;
    }
}

/* Digits, or `*` for an argument, at *at. A negative argument gives false and its magnitude. */
static bool parse_number(const char **at, va_list *args, size_t *out)
{
    size_t n = 0;

    if (**at == '*') {
        int arg = va_arg(*args, int);
        (*at)++;
        *out = arg < 0 ? (size_t)(-(int64_t)arg) : (size_t)arg;
        return arg >= 0;
    }
    for (; **at >= '0' && **at <= '9'; (*at)++)
        n = n * 10 + (size_t)(**at - '0');
    *out = n;
    return true;
}

static char parse_length(const char **at)
{
    char c = **at;

    if (c != 'h' && c != 'l' && c != 'z')
        return 0;
    (*at)++;
    if (c == **at && c != 'z') {
        (*at)++;
        return c == 'h' ? 'H' : 'L';
    }
    return c;
}

/* The conversion that starts after a '%'; returns where the text goes on. */
static const char *convert(struct out *out, const char *at, va_list *args)
{
    struct spec spec = {0};
    const char *start = at;

    for (;; at++) {
        if (*at == '-')
            spec.left = true;
        else if (*at == '0')
            spec.zero = true;
        else if (*at == ' ')
            spec.blank = true;
        else
            break;
    }
    if (!parse_number(&at, args, &spec.width))
        spec.left = true; /* C11: a negative * width is a - flag */
    if (*at == '.') {
        at++;
        spec.has_precision = parse_number(&at, args, &spec.precision);
    }
    spec.length = parse_length(&at);
    if (*at != '\0' && emit_conversion(out, spec, *at, args))
        return at + 1;
    /* Not a conversion of ours: shown as it stands. */
    emit(out, '%');
    return start;
}

size_t fmt_vbuf(char *text, size_t size, const char *format, va_list args)
{
    struct out out = {text, size, 0};
    va_list own;

    va_copy(own, args); /* so that its address may be taken whatever va_list is */
    while (*format != '\0') {
        if (*format == '%')
            format = convert(&out, format + 1, &own);
        else
            emit(&out, *format++);
    }
    va_end(own);
    if (size > 0)
        text[size_min(out.len, size - 1)] = '\0';
    return out.len;
}

size_t fmt_buf(char *text, size_t size, const char *format, ...)
{
    va_list args;
    size_t n;

    va_start(args, format);
    n = fmt_vbuf(text, size, format, args);
    va_end(args);
    return n;
}

struct fmt_ip4 fmt_ip4(uint32_t addr)
{
    struct fmt_ip4 r;

    fmt_buf(r.text, sizeof(r.text), "%u.%u.%u.%u", (unsigned)(addr >> 24),
            (unsigned)(addr >> 16 & 0xff), (unsigned)(addr >> 8 & 0xff), (unsigned)(addr & 0xff));
    return r;
}

struct fmt_mac fmt_mac(const uint8_t mac[6])
{
    struct fmt_mac r;

    fmt_buf(r.text, sizeof(r.text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
            mac[4], mac[5]);
    return r;
}

bool fmt_parse_mac(struct cs_ro text, uint8_t mac[6])
{
    uint8_t got[6], any = 0;

    if (text.len != sizeof(((struct fmt_mac *)0)->text) - 1)
        return false;
    for (size_t i = 0; i < sizeof(got); i++) {
        int high = cs_hex_digit((char)cs_get_u8(text, 3 * i));
        int low = cs_hex_digit((char)cs_get_u8(text, 3 * i + 1));

        if (high < 0 || low < 0 || (i > 0 && cs_get_u8(text, 3 * i - 1) != ':'))
            return false;
        got[i] = (uint8_t)(high << 4 | low);
        any |= got[i];
    }
    if (any == 0 || (got[0] & 1) != 0)
        return false;
    memcpy(mac, got, sizeof(got));
    return true;
}

size_t fmt_parse_u64(struct cs_ro text, uint64_t max, uint64_t *value)
{
    uint64_t v = 0;
    size_t n = 0;

    for (; n < text.len; n++) {
        uint64_t digit = (uint64_t)cs_get_u8(text, n) - '0';

        if (digit > 9)
            break;
        if (digit > max || v > (max - digit) / 10)
            return 0;
        v = v * 10 + digit;
    }
    if (n != 0)
        *value = v;
    return n;
}
