/* A bounded list of faults. */
#include "proxy/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void faults_add(struct faults *faults, int line, const char *format, ...)
{
    size_t at = faults->count++;
    va_list arguments;

    if (at >= FAULTS_MAX)
        return;
    faults->list[at].line = line;
    va_start(arguments, format);
    vsnprintf(faults->list[at].text, sizeof(faults->list[at].text), format, arguments);
    va_end(arguments);
}

static int by_line(const void *a, const void *b)
{
    return ((const struct fault *)a)->line - ((const struct fault *)b)->line;
}

void faults_sort(struct faults *faults)
{
    size_t kept = faults->count < FAULTS_MAX ? faults->count : FAULTS_MAX;

    qsort(faults->list, kept, sizeof(faults->list[0]), by_line);
}

const char *fault_text(const struct fault *fault, const char *path, char *buffer, size_t size)
{
    if (fault->line > 0)
        snprintf(buffer, size, "%s:%d: %s", path, fault->line, fault->text);
    else
        snprintf(buffer, size, "%s: %s", path, fault->text);
    return buffer;
}
