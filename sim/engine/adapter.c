/* adapter.c - a LoRA adapter as a worker reads it: PEFT's adapter_config.json, and the header of the tensors beside it. Shapes are not compared with
 * the model's, as the real one does not: an adapter for another hidden size loads. */
#include "sim/engine/engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

bool se_adapter_exists(const char *folder)
{
    char path[700];
    snprintf(path, sizeof path, "%s/adapter_config.json", folder);
    return access(path, R_OK) == 0;
}

static int say(char *error, size_t n, const char *text)
{
    snprintf(error, n, "%s", text);
    return -1;
}

/* The words of safetensors' own reader. */
static int tensors(struct bt_arena *a, const char *path, char *error, size_t n)
{
    bt_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint64_t header = 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return say(error, n, "No such file or directory (os error 2)");
    if (read(fd, &header, 8) != 8)
        return say(error, n, "Error while deserializing header: header too small");
    if (header > 100 * 1000 * 1000)
        return say(error, n, "Error while deserializing header: header too large");
    uint64_t size = (uint64_t)st.st_size;
    if (header + 8 > size)
        return say(error, n, "Error while deserializing header: invalid header length");
    char *text = bt_arena_alloc(a, header + 1);
    if (read(fd, text, header) != (ssize_t)header)
        return say(error, n, "Error while deserializing header: invalid header length");
    struct bt_tensor *t;
    size_t count;
    struct bt_err err = { 0 };
    if (bt_safetensors_header(a, "adapter", (struct bt_str){ text, header }, size - 8 - header, &t, &count, &err) < 0)
        return say(error, n, "Error while deserializing header: incomplete metadata, file not fully covered");
    return 0;
}

int se_adapter_read(const char *folder, uint64_t max_rank, char *error, size_t n)
{
    bt_auto_arena a = { 0 };
    struct bt_str text;
    struct bt_err err = { 0 };
    if (bt_file_read(&a, bt_arena_printf(&a, "%s/adapter_config.json", folder), MiB, &text, &err) < 0)
        return say(error, n, bt_arena_printf(&a, "No adapter found for %s", folder));
    const char *r = strstr(bt_arena_strndup(&a, text), "\"r\"");
    r = r ? strchr(r, ':') : NULL;
    uint64_t rank = r ? strtoull(r + 1, NULL, 10) : 8;
    if (rank > max_rank)
        return say(error, n,
                   bt_arena_printf(&a, "LoRA rank %llu is greater than max_lora_rank %llu.", (unsigned long long)rank, (unsigned long long)max_rank));
    return tensors(&a, bt_arena_printf(&a, "%s/adapter_model.safetensors", folder), error, n);
}
