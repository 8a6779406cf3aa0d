/* SPDX-License-Identifier: ISC */
/* replay.c - runs a fuzz target over the files named on the command line: a corpus is tested
 * without a fuzzer. */
#include <stdio.h>
#include <stdlib.h>

#include <morgana/base.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    long size;

    if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    rewind(file);
    /* Exactly as large as the input, so that the sanitizer sees a read past its end. */
    data = malloc(size ? (size_t)size : 1);
    if (fread(data, 1, (size_t)size, file) != (size_t)size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    fclose(file);
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("%d inputs\n", argc - 1);
    return failed;
}
