/* The faults of a settings file: line and text of each, in the order of the lines. */
#ifndef IMAPMUX_PROXY_FAULTS_H
#define IMAPMUX_PROXY_FAULTS_H

#include <stddef.h>

#define FAULTS_MAX 50

struct fault {
    int line; /* 0: of the file as a whole, or of the command line */
    char text[400];
};

struct faults {
    size_t count; /* may be more than FAULTS_MAX: the rest is not kept */
    struct fault list[FAULTS_MAX];
};

/* Adds one in printf's form; text beyond 399 octets is cut. Past FAULTS_MAX it is only counted. */
void faults_add(struct faults *faults, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* By line; those of the file as a whole first. Equal lines keep no order. */
void faults_sort(struct faults *faults);
/* "FILE:LINE: text"; without a line "FILE: text". Returns buffer. */
const char *fault_text(const struct fault *fault, const char *path, char *buffer, size_t size);

#endif
