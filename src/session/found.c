/* See found.h. */
#include "session/found.h"

#include "session/renumber.h"

static void write_plain(struct output *output, const struct seqset *numbers)
{
    struct seqset_walk walk;
    uint32_t number;

    output_format(output, "* SEARCH");
    seqset_walk_start(&walk, numbers);
    while (seqset_walk_next(&walk, &number))
        output_format(output, " %u", number);
    output_format(output, "\r\n");
}

/* A single line. Of nothing found only COUNT is told. */
static void write_extended(struct session *session, const struct seqset *numbers, const struct search_return *options)
{
    const struct command *command = session_command(session);
    struct output *output = &session->output;

    output_format(output, "* ESEARCH (TAG \"%.*s\")%s", (int)command->tag.length, command->tag.data,
                  command->uid ? " UID" : "");
    if (options->min && numbers->count > 0)
        output_format(output, " MIN %u", numbers->ranges[0].low);
    if (options->max && numbers->count > 0)
        output_format(output, " MAX %u", numbers->ranges[numbers->count - 1].high);
    if (options->all && numbers->count > 0) {
        output_format(output, " ALL ");
        output_check(output, seqset_print(numbers, output->bytes));
    }
    if (options->count)
        output_format(output, " COUNT %llu", (unsigned long long)seqset_size(numbers));
    output_format(output, "\r\n");
}

void found_write(struct session *session, const struct seqset *uids, const struct search_return *options)
{
    const struct view *view = session_view(session);
    struct seqset living = {0}, numbers = {0};

    output_check(&session->output, uid_map_intersect(&view->mailbox->map, uids, &living) &&
                                       renumber_back(view, &living, session_command(session)->uid, &numbers));
    if (!options->given)
        write_plain(&session->output, &numbers);
    else if (search_return_tells(options))
        write_extended(session, &numbers, options);
    seqset_clear(&living);
    seqset_clear(&numbers);
}

/* --- SAVE */

void found_save_nothing(struct session *session, const struct search_return *options)
{
    struct view *view = session_view(session);
    struct seqset nothing = {0};

    if (view && options->save)
        view_save(view, &nothing);
}

/* Some of the messages found, which are not none. */
static bool add_ends(const struct seqset *living, const struct search_return *options, struct seqset *chosen)
{
    return (!options->min || seqset_add(chosen, living->ranges[0].low)) &&
           (!options->max || seqset_add(chosen, living->ranges[living->count - 1].high));
}

/* Without what the view does not count. */
static bool choose(const struct view *view, const struct seqset *uids, const struct search_return *options,
                   struct seqset *chosen)
{
    struct seqset living = {0}, counted = {0};
    bool ok = uid_map_intersect(&view->mailbox->map, uids, &living) && renumber_back(view, &living, true, &counted);

    if (ok && counted.count > 0 && !options->all && !options->count && search_return_tells(options))
        ok = add_ends(&counted, options, chosen);
    else if (ok)
        ok = uid_map_intersect_dense(&view->mailbox->map, &counted, chosen);
    seqset_clear(&living);
    seqset_clear(&counted);
    return ok;
}

bool found_save(struct session *session, const struct seqset *uids, const struct search_return *options)
{
    struct view *view = session_view(session);
    struct seqset chosen = {0};
    bool fits;

    if (!options->save)
        return true;
    output_check(&session->output, choose(view, uids, options, &chosen));
    fits = chosen.count <= FOUND_SAVED_MAX;
    if (!fits)
        seqset_clear(&chosen);
    view_save(view, &chosen);
    return fits;
}
