/* The process's demands on the system, and the rights it gives up. Root is needed for ports below 1024 alone: nothing
 * may be read from a client or a server before process_become_user has been called. */
#include "proxy/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/spool.h"
#include "proxy/config.h"
#include "proxy/log_writer.h"

static void ignore_pipes(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};

    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void process_begin(void)
{
    ignore_pipes();
    raise_descriptor_limit();
}

/* ---- settings */

/* RLIMIT_DATA counts the process's own writable memory. It does not count the libraries' code or, unlike RLIMIT_AS,
 * reserved memory. */
static void limit_memory(uint64_t octets, struct log *log)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_DATA, &limit) != 0)
        return;
    limit.rlim_cur = octets > 0 && octets < limit.rlim_max ? octets : limit.rlim_max;
    if (setrlimit(RLIMIT_DATA, &limit) != 0)
        log_line(log, LOG_ERROR, "memory_max: cannot be set: %s; the memory is not limited", strerror(errno));
}

/* No dump of memory that holds passwords, and no debugger. Under sanitizers neither: a leak check needs to trace
 * itself, and the shadow memory is larger than any limit. */
void process_apply(const struct program_settings *program, struct log_writer *log_writer)
{
#ifndef __SANITIZE_ADDRESS__
    if (prctl(PR_SET_DUMPABLE, program->core_dumps ? 1 : 0) != 0)
        log_line(&log_writer->log, LOG_ERROR, "core_dumps: cannot be set: %s", strerror(errno));
    limit_memory(program->memory_max, &log_writer->log);
#else
    (void)limit_memory;
    (void)program, (void)log_writer;
#endif
}

/* ---- the user */

static bool give_up_root(const struct passwd *user)
{
    return initgroups(user->pw_name, user->pw_gid) == 0 && setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
           setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0;
}

/* There must be no way back. */
static bool is_only(uid_t wanted)
{
    uid_t real, effective, saved;

    return getresuid(&real, &effective, &saved) == 0 && real == wanted && effective == wanted && saved == wanted &&
           (wanted == 0 || setuid(0) != 0);
}

static bool become(const char *name, struct log_writer *log_writer)
{
    struct log *log = &log_writer->log;
    const struct passwd *user = getpwnam(name);

    if (!user) {
        log_line(log, LOG_ERROR, "user = %s: there is no such user", name);
        return false;
    }
    if (geteuid() == user->pw_uid)
        return is_only(user->pw_uid);
    if (geteuid() != 0) {
        log_line(log, LOG_ERROR, "user = %s: only root can become another user; start it as root or as %s", name, name);
        return false;
    }
    log_writer_give(log_writer, user->pw_uid);
    if (give_up_root(user) && is_only(user->pw_uid))
        return true;
    log_line(log, LOG_ERROR, "user = %s: cannot become that user: %s", name, strerror(errno));
    return false;
}

static void warn_of_file(const char *path, const char *user, struct log *log)
{
    if (path && access(path, R_OK) != 0)
        log_line(log, LOG_WARNING, "%s cannot be read by user %s (%s): SIGHUP will fail", path, user, strerror(errno));
}

static bool can_work(const struct config *config, const char *path, struct log *log)
{
    const char *directory = config->program.spool_directory, *user = config->program.user, *reason;
    bool good = true;

    warn_of_file(path, user, log);
    for (const struct config_listener *listener = config->listeners; listener; listener = listener->next) {
        warn_of_file(listener->values->cert, user, log);
        warn_of_file(listener->values->key, user, log);
    }
    for (const struct config_upstream *upstream = config->upstreams; upstream; upstream = upstream->next) {
        const char *authorities = upstream->settings.tls_ca;
        if (!authorities || access(authorities, R_OK) == 0)
            continue;
        log_line(log, LOG_ERROR, "tls_ca = %s: user %s cannot read it: %s", authorities, user, strerror(errno));
        good = false;
    }
    if (spool_directory_usable(directory, &reason))
        return good;
    log_line(log, LOG_ERROR, "spool_directory = %s: user %s cannot create a file there: %s", directory, user, reason);
    return false;
}

bool process_become_user(const struct config *config, const char *path, struct log_writer *log_writer)
{
    const char *user = config->program.user;

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (user)
        return become(user, log_writer) && can_work(config, path, &log_writer->log);
    if (geteuid() == 0)
        log_line(&log_writer->log, LOG_WARNING,
                 "running as root: set user in [program], so that it becomes that user after opening its ports");
    return true;
}
