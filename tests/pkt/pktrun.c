/* SPDX-License-Identifier: ISC */
/* pktrun.c - runs packetdrill-syntax scripts over the stack in virtual time: see README.md.
 *
 * Each script runs in a process of its own: a failed ASSERT of the stack is that script's failure
 * and not the end of all. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

enum { TEXT_MAX = 1 << 20, CRASHED = 70 };

static struct {
    bool verbose, person_given;
    enum personality person;
    uint64_t seed;
    const char *pcap_path, *init_path;
    struct script_conf conf;
    FILE *pcap;
    struct script init;
    unsigned passed, failed, skipped;
} main_state = {.seed = 1};

static const char usage[] =
    "usage: pktrun [-v] [--personality morgana|linux|freebsd] [--seed N] [--pcap FILE]\n"
    "              [--init FILE] [--strict] [--NAME=VALUE] [-D NAME=VALUE] SCRIPT|FOLDER...\n";

static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "r");
    char *text = malloc(TEXT_MAX + 1);

    if (text == NULL)
        abort();
    *len = f == NULL ? 0 : fread(text, 1, TEXT_MAX, f);
    if (f == NULL || ferror(f)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        free(text);
        text = NULL;
    }
    if (f != NULL)
        fclose(f);
    return text;
}

static const char *const person_names[PERSONS] = {"morgana", "linux", "freebsd"};

static bool person_of(const char *name, size_t len, enum personality *out)
{
    for (unsigned i = 0; i < PERSONS; i++)
        if (strlen(person_names[i]) == len && memcmp(person_names[i], name, len) == 0) {
            *out = (enum personality)i;
            return true;
        }
    return false;
}

/* A file named `personality` in the script's folder, or in one above it, says it for the scripts
 * there. */
static bool person_of_folder(const char *path, enum personality *out)
{
    char name[4096];
    size_t n;

    if (realpath(path, name) == NULL || strlen(name) > sizeof(name) - 32)
        return false;
    for (unsigned up = 0; up < 4 && strrchr(name, '/') != NULL; up++) {
        char text[32] = "";
        FILE *f;

        strcpy(strrchr(name, '/'), "/personality");
        f = fopen(name, "r");
        *strrchr(name, '/') = '\0';
        if (f == NULL)
            continue;
        n = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
        while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
            n--;
        return person_of(text, n, out);
    }
    return false;
}

/* ---- one script ------------------------------------------------------------------------------ */

/* `named`: on the command line itself, so that it is worth a line why it is skipped. */
static enum run_verdict run_one(const char *path, bool named)
{
    static char message[4096];
    struct script script;
    struct lex_error error;
    struct run_options options = {.verbose = main_state.verbose,
                                  .seed = main_state.seed,
                                  .pcap = main_state.pcap,
                                  .init = main_state.init_path != NULL ? &main_state.init : NULL};
    enum run_verdict verdict = RUN_FAIL;
    size_t len;
    char *text = read_file(path, &len);

    if (text == NULL)
        return RUN_FAIL;
    options.person = main_state.person;
    if (!main_state.person_given && !person_of_folder(path, &options.person))
        options.person = shell_dialect(text, len);
    if (!script_parse(&script, path, text, len, &main_state.conf, &error))
        printf("%s:%u: %s\n", path, error.line, error.text);
    else
        verdict = run_script(&options, &script, message, sizeof(message));
    if (message[0] != '\0' && (verdict != RUN_SKIP || named || main_state.verbose))
        printf("%s\n", message);
    script_free(&script);
    return verdict;
}

static void count(const char *path, int status)
{
    static const char *const words[] = {"ok", "FAILED", "skipped"};
    unsigned verdict = RUN_FAIL;

    if (WIFEXITED(status) && WEXITSTATUS(status) <= RUN_SKIP)
        verdict = (unsigned)WEXITSTATUS(status);
    else
        printf("%s: crashed (%s %d)\n", path, WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    main_state.passed += verdict == RUN_PASS;
    main_state.failed += verdict == RUN_FAIL;
    main_state.skipped += verdict == RUN_SKIP;
    if (main_state.verbose)
        printf("%s: %s\n", path, words[verdict]);
    fflush(stdout);
}

static void run_apart(const char *path, bool named)
{
    int status;
    pid_t child;

    fflush(stdout);
    fflush(stderr);
    child = fork();
    if (child < 0) {
        perror("fork");
        exit(2);
    }
    if (child == 0) {
        enum run_verdict verdict;

        alarm(120);
        verdict = run_one(path, named);
        fflush(stdout);
        if (main_state.pcap != NULL)
            fflush(main_state.pcap);
        _exit((int)verdict);
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            exit(2);
    count(path, status);
}

/* ---- many ------------------------------------------------------------------------------------ */

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static void run_path(const char *path, bool named)
{
    struct dirent **entries = NULL;
    struct stat st;
    int n;

    if (stat(path, &st) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        main_state.failed++;
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        if (named || ends_with(path, ".pkt"))
            run_apart(path, named);
        return;
    }
    n = scandir(path, &entries, NULL, compare_names);
    for (int i = 0; i < n; i++) {
        char inner[4096];

        if (entries[i]->d_name[0] != '.' &&
            snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name) < (int)sizeof(inner))
            run_path(inner, false);
        free(entries[i]);
    }
    free(entries);
}

/* ---- the command line ------------------------------------------------------------------------ */

_Noreturn static void quit(const char *what)
{
    fprintf(stderr, "pktrun: %s\n%s", what, usage);
    exit(2);
}

/* The same, of a word of the command line. */
_Noreturn static void quit_at(const char *word, const char *what)
{
    fprintf(stderr, "pktrun: %s: %s\n%s", word, what, usage);
    exit(2);
}

static void set_person(const char *name)
{
    if (!person_of(name, strlen(name), &main_state.person))
        quit_at(name, "the personality is morgana, linux or freebsd");
    main_state.person_given = true;
}

/* --name VALUE or --name=VALUE of our own; NULL: it is something else. */
static const char *own(const char *arg, const char *name, char **argv, int argc, int *i)
{
    size_t n = strlen(name);

    if (strncmp(arg, name, n) != 0)
        return NULL;
    if (arg[n] == '=')
        return arg + n + 1;
    if (arg[n] != '\0')
        return NULL;
    if (*i + 1 >= argc)
        quit_at(arg, "its value is missing");
    return argv[++*i];
}

static void set_seed(const char *text)
{
    char *end;

    errno = 0;
    main_state.seed = strtoull(text, &end, 0);
    if (*text == '\0' || *end != '\0' || errno != 0)
        quit_at(text, "the seed is a number");
}

static void set_option(const char *arg)
{
    struct lex_error error = {0};
    char unsupported[160] = "";

    if (!script_option_known(arg))
        quit_at(arg, "unknown option");
    if (!script_option(&main_state.conf, arg, strlen(arg), unsupported, sizeof(unsupported),
                       &error))
        quit(error.text);
    if (unsupported[0] != '\0')
        quit(unsupported);
}

static void set_define(const char *text)
{
    char option[300];

    snprintf(option, sizeof(option), "--define=%s", text);
    set_option(option);
}

static int read_arguments(int argc, char **argv)
{
    const char *value;
    int i = 1;

    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0)
            main_state.verbose = true;
        else if (strcmp(argv[i], "--strict") == 0)
            main_state.conf.strict_end = main_state.conf.strict_options = true;
        else if ((value = own(argv[i], "--personality", argv, argc, &i)) != NULL)
            set_person(value);
        else if ((value = own(argv[i], "--seed", argv, argc, &i)) != NULL)
            set_seed(value);
        else if ((value = own(argv[i], "--pcap", argv, argc, &i)) != NULL)
            main_state.pcap_path = value;
        else if ((value = own(argv[i], "--init", argv, argc, &i)) != NULL)
            main_state.init_path = value;
        else if ((value = own(argv[i], "-D", argv, argc, &i)) != NULL)
            set_define(value);
        else if (strncmp(argv[i], "--", 2) == 0)
            set_option(argv[i]);
        else
            quit_at(argv[i], "unknown option");
    }
    if (i == argc)
        quit("no script");
    return i;
}

static void read_init(void)
{
    struct lex_error error;
    size_t len;
    char *text = read_file(main_state.init_path, &len);

    if (text == NULL)
        exit(2);
    if (!script_parse(&main_state.init, main_state.init_path, text, len, &main_state.conf,
                      &error)) {
        fprintf(stderr, "%s:%u: %s\n", main_state.init_path, error.line, error.text);
        exit(2);
    }
    main_state.conf = main_state.init.conf;
}

/* The classic header: microseconds, Ethernet. */
static void open_pcap(void)
{
    const uint32_t header[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1};

    main_state.pcap = fopen(main_state.pcap_path, "w");
    if (main_state.pcap == NULL) {
        perror(main_state.pcap_path);
        exit(2);
    }
    fwrite(header, sizeof(header), 1, main_state.pcap);
    fflush(main_state.pcap);
}

int main(int argc, char **argv)
{
    int first;

    main_state.conf = script_conf_default;
    first = read_arguments(argc, argv);
    if (main_state.init_path != NULL)
        read_init();
    if (main_state.pcap_path != NULL)
        open_pcap();
    for (int i = first; i < argc; i++) {
        unsigned before = main_state.passed + main_state.failed + main_state.skipped;

        run_path(argv[i], true);
        if (main_state.passed + main_state.failed + main_state.skipped == before) {
            fprintf(stderr, "%s: no script (*.pkt) in it or below\n", argv[i]);
            main_state.failed++;
        }
    }
    printf("%u passed, %u failed", main_state.passed, main_state.failed);
    if (main_state.skipped > 0)
        printf(", %u skipped", main_state.skipped);
    printf("\n");
    return main_state.failed > 0;
}
