/* SPDX-License-Identifier: ISC */
/* banner.c - a program's name in large letters, so that an operator sees at a glance whose
 * console this is. */
#include <morgana/banner.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#define ROWS 5
#define COLUMNS 5

/* Five rows, top first; each is five dots, the leftmost the highest bit, in octal. */
static const struct glyph {
    char letter;
    uint8_t row[ROWS];
} glyphs[] = {
    {'a', {016, 021, 037, 021, 021}}, {'b', {036, 021, 036, 021, 036}},
    {'c', {017, 020, 020, 020, 017}}, {'d', {036, 021, 021, 021, 036}},
    {'e', {037, 020, 036, 020, 037}}, {'f', {037, 020, 036, 020, 020}},
    {'g', {017, 020, 023, 021, 017}}, {'h', {021, 021, 037, 021, 021}},
    {'i', {016, 004, 004, 004, 016}}, {'j', {007, 002, 002, 022, 014}},
    {'k', {021, 022, 034, 022, 021}}, {'l', {020, 020, 020, 020, 037}},
    {'m', {021, 033, 025, 021, 021}}, {'n', {021, 031, 025, 023, 021}},
    {'o', {016, 021, 021, 021, 016}}, {'p', {036, 021, 036, 020, 020}},
    {'q', {016, 021, 025, 022, 015}}, {'r', {036, 021, 036, 022, 021}},
    {'s', {017, 020, 016, 001, 036}}, {'t', {037, 004, 004, 004, 004}},
    {'u', {021, 021, 021, 021, 016}}, {'v', {021, 021, 021, 012, 004}},
    {'w', {021, 021, 025, 033, 021}}, {'x', {021, 012, 004, 012, 021}},
    {'y', {021, 012, 004, 004, 004}}, {'z', {037, 002, 004, 010, 037}},
    {'0', {016, 023, 025, 031, 016}}, {'1', {004, 014, 004, 004, 016}},
    {'2', {036, 001, 016, 020, 037}}, {'3', {036, 001, 006, 001, 036}},
    {'4', {022, 022, 037, 002, 002}}, {'5', {037, 020, 036, 001, 036}},
    {'6', {016, 020, 036, 021, 016}}, {'7', {037, 001, 002, 004, 004}},
    {'8', {016, 021, 016, 021, 016}}, {'9', {016, 021, 017, 001, 016}},
    {'-', {000, 000, 016, 000, 000}}, {'_', {000, 000, 000, 000, 037}},
    {'.', {000, 000, 000, 000, 004}},
};

static unsigned row_of(char letter, unsigned row)
{
    if (letter >= 'A' && letter <= 'Z')
        letter = (char)(letter - 'A' + 'a');
    for (size_t i = 0; i < ARRAY_SIZE(glyphs); i++) {
        if (glyphs[i].letter == letter)
            return glyphs[i].row[row];
    }
    return 0;
}

size_t banner_format(const char *name, char *out, size_t size)
{
    size_t len = 0;

    for (unsigned row = 0; row < ROWS; row++) {
        size_t line_end = len; /* behind the last dot: no line has blanks at its end */

        for (size_t i = 0; name[i] != '\0' && i < BANNER_LETTERS; i++) {
            unsigned dots = row_of(name[i], row);

            for (int bit = COLUMNS; bit >= 0; bit--) {
                bool dot = bit > 0 && (dots >> (bit - 1) & 1) != 0;

                if (len + 2 >= size)
                    break;
                out[len++] = dot ? '#' : ' ';
                if (dot)
                    line_end = len;
            }
        }
        len = line_end;
        if (len + 2 <= size)
            out[len++] = '\n';
    }
    if (size > 0)
        out[len] = '\0';
    return len;
}

void banner_print(const char *name)
{
    char text[BANNER_BYTES];
    size_t len = banner_format(name, text, sizeof(text));

    if (log_shows(LOG_INFO))
        plat_console_write(cs_ro_of(text, len));
}
