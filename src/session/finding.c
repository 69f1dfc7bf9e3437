/* See finding.h. */
#include "session/finding.h"

#include "session/run.h"

void finding_clear(struct finding *finding)
{
    seqset_clear(&finding->uids);
    *finding = (struct finding){0};
}

void finding_ask(struct finding *finding, const struct session *session, struct outgoing *out)
{
    finding_clear(finding);
    finding->asked = true;
    finding->due = session_can(session, CAPABILITY_ESEARCH);
    outgoing_text(out, finding->due ? "UID SEARCH RETURN (ALL) " : "UID SEARCH ");
}

void finding_ask_sorted(struct finding *finding, const struct session *session, struct outgoing *out)
{
    finding_clear(finding);
    finding->asked = finding->sorted = true;
    finding->due = session_can(session, CAPABILITY_ESORT);
    outgoing_text(out, finding->due ? "UID SORT RETURN (ALL) " : "UID SORT ");
}

void finding_take(struct finding *finding, const struct response *response, struct output *output)
{
    enum response_kind plain = finding->sorted ? RESPONSE_SORT : RESPONSE_SEARCH;

    finding->answered |= response->kind == plain || response->kind == RESPONSE_ESEARCH;
    switch ((finding->sorted ? response_take_sorted : response_take_found)(response, &finding->uids)) {
    case RESPONSE_FOUND:
        break;
    case RESPONSE_FOUND_UNREADABLE:
        finding->unreadable = true;
        break;
    case RESPONSE_FOUND_NO_MEMORY:
        output_fail(output);
        break;
    }
}

bool finding_is_told(const struct finding *finding)
{
    return !finding->unreadable && (finding->answered || !finding->due);
}

void finding_refuse(struct session *session)
{
    run_no(session, "SERVERBUG", "The mail server did not say what it has found; please try again");
}
