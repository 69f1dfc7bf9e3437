/* COMPRESS: the line after the tagged OK is the first that is compressed, and so is what the client sends after the
 * command. The session only says where that is; its link does the rest. RFC 4978. */
#include "session/run.h"

static void start(struct run *run)
{
    struct session *session = run->session;
    const struct value *arguments = session_command(session)->arguments;

    if (!arguments || arguments->next || arguments->kind != VALUE_ATOM) {
        run_bad(session, "COMPRESS takes the name of an algorithm");
    } else if (!value_is_atom(arguments, "DEFLATE")) {
        run_bad(session, "COMPRESS knows DEFLATE only");
    } else if (session->compressed) {
        run_no(session, "COMPRESSIONACTIVE", "DEFLATE is active already");
    } else {
        session->compressed = run->compresses = true;
        offer_hush(&session->offer, SLICE("COMPRESS=DEFLATE"));
        intake_await(&session->intake, INTAKE_COMPRESSION);
        run_ok(session, "DEFLATE active");
    }
}

const struct run_ops compress_ops = {.size = sizeof(struct run), .start = start};
