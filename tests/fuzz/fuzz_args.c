/* SPDX-License-Identifier: ISC */
/* fuzz_args.c - any bytes as a command line: every word is in the text, and every typed reader
 * looks at them. */
#include <string.h>

#include <morgana/args.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"2l", "fifo", NULL};
    static const struct args_key keys[] = {{"n", "n=3", "a number"}, {NULL, NULL, NULL}};
    static struct args args;
    unsigned word;
    char error[64];
    uint32_t number;
    uint8_t prefix, mac[6];
    size_t bytes = 0;

    if (args_split(&args, "fuzz", cs_ro_of(data, size), error, sizeof(error)) < 0) {
        ASSERT(memchr(error, 0, sizeof(error)) != NULL && error[0] != '\0');
        return 0;
    }
    ASSERT(args.argc >= 1 && (unsigned)args.argc <= ARGS_WORDS_MAX && args.argv[args.argc] == NULL);
    for (int i = 1; i < args.argc; i++) {
        ASSERT(args.argv[i] == args.text + bytes);
        bytes += strlen(args.argv[i]) + 1;
    }
    ASSERT(bytes <= size + 1);
    if (args_get_u32(args.argc, args.argv, "n", 3, 1000, &number) == 1)
        ASSERT(number >= 3 && number <= 1000);
    args_get_ip4(args.argc, args.argv, "gw", &number);
    if (args_get_ip4_prefix(args.argc, args.argv, "ip", &number, &prefix) == 1)
        ASSERT(prefix >= 1 && prefix <= 32);
    if (args_get_mac(args.argc, args.argv, "mac", mac) == 1)
        ASSERT((mac[0] & 1) == 0);
    if (args_get_word(args.argc, args.argv, "mode", words, &word) == 1)
        ASSERT(word < 2);
    ASSERT(args_last(args.argc, args.argv, "ip") < args.argc);
    args_check(args.argc, args.argv, keys);
    (void)args_help(args.argc, args.argv, "a program", keys);
    return 0;
}
