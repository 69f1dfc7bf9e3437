/* What every part of the simulator uses: failures and the trace. */
#include "sim/sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

usec sim_now(const struct sim *sim)
{
    return runqueue_now(sim->runqueue);
}

void sim_fail(struct sim *sim, const char *check, const char *format, ...)
{
    va_list arguments;

    if (sim->failed)
        return;
    sim->failed = true;
    sim->failed_at = sim_now(sim);
    snprintf(sim->check, sizeof(sim->check), "%s", check);
    va_start(arguments, format);
    vsnprintf(sim->text, sizeof(sim->text), format, arguments);
    va_end(arguments);
    sim_note(sim, "FAILED %s: %s", sim->check, sim->text);
}

static void stamp(struct sim *sim)
{
    usec now = sim_now(sim);

    fprintf(sim->trace, "%6lld.%06lld ", (long long)(now / USEC_SECOND), (long long)(now % USEC_SECOND));
}

void sim_trace(struct sim *sim, const char *who, const char *mark, struct slice text)
{
    size_t shown = text.length < 3000 ? text.length : 3000;

    if (!sim->trace)
        return;
    stamp(sim);
    fprintf(sim->trace, "%s %s ", who, mark);
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '\r')
            fputs("\\r", sim->trace);
        else if (c == '\n')
            fputs("\\n", sim->trace);
        else
            fputc(c < ' ' || c >= 0x7f ? '?' : c, sim->trace);
    }
    if (shown < text.length)
        fprintf(sim->trace, "... (%zu octets)", text.length);
    fputc('\n', sim->trace);
}

void sim_note(struct sim *sim, const char *format, ...)
{
    va_list arguments;

    if (!sim->trace)
        return;
    stamp(sim);
    va_start(arguments, format);
    vfprintf(sim->trace, format, arguments);
    va_end(arguments);
    fputc('\n', sim->trace);
}
