/* tests/fuzz/standalone.c: runs a fuzz target over files named on the command line, for builds
 * without libFuzzer: a crash found elsewhere replays here under gdb or valgrind. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define INPUT_LEN_MAX (1u << 20)

static int run_file(const char *path, uint8_t *buffer)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return -1;
    }
    size_t len = fread(buffer, 1, INPUT_LEN_MAX, file);
    fclose(file);
    LLVMFuzzerTestOneInput(buffer, len);
    return 0;
}

int main(int argc, char **argv)
{
    uint8_t *buffer = malloc(INPUT_LEN_MAX);
    int failures = 0;

    if (!buffer)
        return 1;
    for (int i = 1; i < argc; i++)
        failures += run_file(argv[i], buffer) != 0;
    free(buffer);
    printf("%d inputs run, %d unreadable\n", argc - 1, failures);
    return failures != 0;
}
