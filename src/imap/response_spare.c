/* Which lines that cannot be read are about nothing but themselves. */
#include <string.h>

#include "imap/response_line.h"

/* Letters and hyphens. */
static size_t letters_of(struct slice text)
{
    size_t length = 0;

    while (length < text.length && text.data[length] &&
           strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ-", slice_upper(text.data[length])))
        length++;
    return length;
}

bool response_line_is_spare(struct slice line)
{
    static const char *const needed[] = {"SEARCH", "ESEARCH", "SORT",    "THREAD", "VANISHED",
                                         "FLAGS",  "EXISTS",  "EXPUNGE", "RECENT", "FETCH"};
    struct slice word = line;

    if (!slice_starts_nocase(line, SLICE("* ")))
        return false;
    do {
        word = (struct slice){word.data + 1, word.length - 1};
    } while (word.length > 0 && word.data[0] == ' ');
    line = word;
    word.length = letters_of(word);
    if (word.length == 0 || (word.length < line.length && !strchr(" (", line.data[word.length])))
        return false;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (slice_equal_nocase(word, slice_of(needed[i])))
            return false;
    }
    return true;
}
