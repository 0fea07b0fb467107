/* replay.c - main() for a fuzz target without libFuzzer: feeds it every file of the folders and files in argv, and every
 * prefix and one flipped bit per byte of the small ones. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { INPUT_MAX = 8 << 20, SMALL = 400 };
static unsigned long inputs;

/* In a block of exactly n bytes: a sanitizer sees a read past the end. */
static void feed(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    memcpy(copy, p, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    inputs++;
}

static void feed_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *buf = malloc(INPUT_MAX);
    if (!f || !buf) {
        perror(path);
        exit(1);
    }
    size_t n = fread(buf, 1, INPUT_MAX, f);
    fclose(f);
    feed(buf, n);
    if (n <= SMALL)
        for (size_t i = 0; i < n; i++) {
            feed(buf, i);
            buf[i] ^= (uint8_t)(1u << (i % 8));
            feed(buf, n);
            buf[i] ^= (uint8_t)(1u << (i % 8));
        }
    free(buf);
}

static void feed_folder(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0) {
        perror(path);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        char file[4096];
        struct stat st;
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
            feed_file(file);
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
            feed_folder(argv[i]);
        else
            feed_file(argv[i]);
    }
    printf("%lu inputs\n", inputs);
    return inputs ? 0 : 1;           /* an empty corpus proves nothing */
}
