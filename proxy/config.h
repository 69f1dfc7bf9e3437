/* The settings of the program as they stand in its file and on its command line, checked, with every value in place.
 * Reading never changes anything outside: a faulty file leaves no trace but its faults. */
#ifndef IMAPMUX_PROXY_CONFIG_H
#define IMAPMUX_PROXY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mux/settings.h"
#include "net/networks.h"
#include "proxy/faults.h"
#include "proxy/keys.h"
#include "proxy/profiles.h"
#include "proxy/url.h"

struct command_line;

struct program_settings {
    unsigned log_level; /* enum log_level */
    const char *log_file;
    const char *spool_directory;
    const char *state_directory; /* NULL: none */
    bool core_dumps;
    const char *user;    /* NULL: the user that started the process */
    uint64_t memory_max; /* octets; 0: no limit */
};

/* auto, yes, no */
enum choice { CHOICE_AUTO, CHOICE_YES, CHOICE_NO };

struct upstream_values {
    const char *url;
    const char *profile; /* NULL: none */
    unsigned starttls;   /* enum choice */
    bool tls_verify;
    const char *tls_ca, *tls_name;
    const char *source;
    unsigned id; /* enum upstream_id */
    bool compress;
    const char *hide, *limit_words, *temporary_words, *credential_words;
    const char *max_sessions_for;
    bool verify_connection;
    unsigned tokens; /* enum upstream_tokens */
    bool lower_case_users;
    const char *default_domain;
    struct manners manners;
    usec idle_reissue; /* 0: that of [timeouts] */
};

struct listener_values {
    const char *url;
    const char *upstream;
    const char *cert, *key;
    unsigned plaintext_login; /* enum choice */
    bool compress;
    const char *proxy_from;
};

#define LINE_OF_COMMAND_LINE (-1)
#define LINE_OF_ENVIRONMENT  (-2)

/* One [section NAME] of the file: its values, and the lines they stand on. */
struct config_section {
    struct config_section *next;
    const char *kind, *name;
    int line;                      /* 0: made by the command line, or only defaults */
    int key_lines[KEYS_MAX];       /* by index in keys[]; 0: not set; LINE_OF_... */
    const struct profile *profile; /* sets what key_lines does not; NULL: none */
    void *values;
    void *owned_values; /* the same, or NULL: a general section writes into the config itself */
};

struct config_upstream {
    struct config_upstream *next;
    const struct config_section *section;
    struct upstream_settings settings; /* name and strings borrowed from the config */
    struct naming naming;              /* likewise */
};

struct config_listener {
    struct config_listener *next;
    const struct config_section *section;
    const struct listener_values *values;
    struct url url;
    struct networks proxy_from;
    const struct config_upstream *upstream;
};

/* What works, but surely was not meant so. */
struct config_warning {
    struct config_warning *next;
    struct fault fault;
};

struct config {
    struct settings settings;
    struct program_settings program;
    struct config_section *sections;
    struct config_upstream *upstreams;
    struct config_listener *listeners;
    struct config_warning *warnings; /* in the order of their lines */
    struct config_string *strings;   /* private: owns all text */
};

#define CONFIG_FILE_DEFAULT "/etc/imapmux/imapmux.conf"

/* Reads the file (path NULL: none) and lays the command line over it. systemd's STATE_DIRECTORY stands for a
 * state_directory that is not set. Returns owned; NULL: *faults is not empty, or
 * (out of memory) it is. */
struct config *config_read(const char *path, const struct command_line *command_line, struct faults *faults);
/* Frees it and all its strings. NULL: nothing happens. */
void config_free(struct config *config);

/* Private to proxy/config*.c: */
struct config *config_new(void);
const char *config_keep(struct config *config,
                        const char *text); /* a copy that lives as long as config; NULL: memory */
/* A section with the defaults of its kind, at the end of the list. The config owns it; NULL: out of memory. */
struct config_section *config_section_new(struct config *config, const char *kind, const char *name, int line);
/* The section of this kind and name ("" for those without one); NULL: none. */
struct config_section *config_section_find(const struct config *config, const char *kind, const char *name);
/* Reads the file into sections. False: it cannot be opened (a fault). Faults of its lines do not end it. */
bool config_file_read(struct config *config, const char *path, struct faults *faults);
/* Makes upstreams and listeners of the sections and checks them. */
void config_resolve(struct config *config, struct faults *faults);
/* A warning about the line, in printf's form. Without memory it is lost. */
void config_warn(struct config *config, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
int config_key_line(const struct config_section *section, const char *name); /* the section's line if it is not set */

#endif
