/* See found.h. */
#include "session/found.h"

#include "session/renumber.h"
#include "session/run.h"
#include "session/tell.h"

static void write_plain(struct session *session, const struct seqset *numbers)
{
    struct output *output = &session->output;
    struct seqset_walk walk;
    uint32_t number;

    output_format(output, "* %s", command_title(session_command(session)->name));
    seqset_walk_start(&walk, numbers);
    while (seqset_walk_next(&walk, &number))
        output_format(output, " %u", number);
    output_format(output, "\r\n");
}

static void write_partial(struct output *output, const struct seqset *numbers, const struct search_partial *partial)
{
    struct seqset chosen = {0};

    output_check(output, search_partial_choose(partial, numbers, &chosen));
    output_format(output, " PARTIAL (%.*s ", (int)partial->written.length, partial->written.data);
    if (chosen.count > 0)
        output_check(output, seqset_print(&chosen, output->bytes));
    else
        output_format(output, "NIL");
    output_format(output, ")");
    seqset_clear(&chosen);
}

/* A single line. Of nothing found only COUNT and PARTIAL are told. */
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
    if (options->partial.low != 0)
        write_partial(output, numbers, &options->partial);
    if (options->count)
        output_format(output, " COUNT %llu", (unsigned long long)seqset_size(numbers));
    output_format(output, "\r\n");
}

static void write_found(struct session *session, const struct seqset *living, const struct search_return *options)
{
    struct seqset numbers = {0};

    output_check(&session->output,
                 renumber_back(session_view(session), living, session_command(session)->uid, &numbers));
    if (!options->given)
        write_plain(session, &numbers);
    else if (search_return_tells(options))
        write_extended(session, &numbers, options);
    seqset_clear(&numbers);
}

/* --- what there is to tell */

/* In the server's order: 7:3 means 7, 6, 5, 4, 3. Adds at most *most, and counts them down. */
static bool add_range(const struct view *view, struct seqrange range, uint64_t *most, struct seqset *living)
{
    const struct uid_map *map = &view->mailbox->map;
    bool falls = range.low > range.high;
    uint32_t from = uid_map_rank(map, (falls ? range.high : range.low) - 1);
    uint32_t to = uid_map_rank(map, falls ? range.low : range.high);

    for (; from<to && * most> 0; falls ? to-- : from++) {
        uint32_t uid = uid_map_at(map, falls ? to - 1 : from)->uid;
        if (view_counts(view, uid) && !seqset_write_next(living, uid))
            return false;
        (*most)--;
    }
    return true;
}

static bool add_sorted(struct session *session, const struct seqset *found, struct seqset *living)
{
    const struct view *view = session_view(session);
    uint64_t most = (uint64_t)view->mailbox->map.count + 1;
    bool ok = true;

    for (size_t i = 0; ok && i < found->count; i++)
        ok = add_range(view, found->ranges[i], &most, living);
    output_check(&session->output, ok);
    return most > 0;
}

/* What lives and is counted. False: the server names more than there are. */
static bool find_living(struct session *session, const struct finding *finding, struct seqset *living)
{
    const struct view *view = session_view(session);
    struct seqset there = {0};

    if (finding->sorted)
        return add_sorted(session, &finding->uids, living);
    output_check(&session->output, uid_map_intersect(&view->mailbox->map, &finding->uids, &there) &&
                                       renumber_back(view, &there, true, living));
    seqset_clear(&there);
    return true;
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
static bool add_some(const struct seqset *living, const struct search_return *options, struct seqset *chosen)
{
    struct seqset part = {0};
    bool ok = (!options->min || seqset_add(chosen, living->ranges[0].low)) &&
              (!options->max || seqset_add(chosen, living->ranges[living->count - 1].high));

    if (ok && options->partial.low != 0)
        ok = search_partial_choose(&options->partial, living, &part) && seqset_add_written(chosen, &part);
    seqset_clear(&part);
    return ok;
}

static bool choose(const struct view *view, const struct seqset *living, const struct search_return *options,
                   struct seqset *chosen)
{
    struct seqset all = {0};
    bool ok;

    if (living->count > 0 && !options->all && !options->count && search_return_tells(options))
        return add_some(living, options, chosen);
    ok = seqset_add_written(&all, living) && uid_map_intersect_dense(&view->mailbox->map, &all, chosen);
    seqset_clear(&all);
    return ok;
}

/* False: it is too much, and nothing is saved. */
static bool save(struct session *session, const struct seqset *living, const struct search_return *options)
{
    struct view *view = session_view(session);
    struct seqset chosen = {0};
    bool fits;

    if (!options->save)
        return true;
    output_check(&session->output, choose(view, living, options, &chosen));
    fits = chosen.count <= FOUND_SAVED_MAX;
    if (!fits)
        seqset_clear(&chosen);
    view_save(view, &chosen);
    return fits;
}

/* --- the answer */

void found_answer(struct session *session, const struct finding *finding, const struct search_return *options)
{
    struct seqset living = {0};

    tell_arrivals(session_view(session), &session->output);
    if (!finding_is_told(finding) || !find_living(session, finding, &living)) {
        found_save_nothing(session, options);
        finding_refuse(session);
    } else if (!save(session, &living, options)) {
        run_no(session, "NOTSAVED", "Too many messages were found to be saved");
    } else {
        write_found(session, &living, options);
        run_ok(session, NULL);
    }
    seqset_clear(&living);
}
