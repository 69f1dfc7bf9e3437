/* See offer.h. A capability that the server has lost after a reconnect fails with NO [CANNOT]: the client's list does
 * not change. */
#include "session/offer.h"

#include <assert.h>
#include <string.h>

#include "base/append.h"

static uint64_t bit_of(size_t index)
{
    return UINT64_C(1) << (index % 64);
}

void offer_note(struct offer *offer, const struct capability_set *capabilities)
{
    assert(extensions_count() <= (size_t)64 * OFFER_WORDS);
    memcpy(offer->has, capabilities->has, sizeof(offer->has));
    memset(offer->extensions, 0, sizeof(offer->extensions));
    memset(offer->hushed, 0, sizeof(offer->hushed));
    for (size_t i = 0; i < extensions_count(); i++) {
        if (extension_is_possible(extensions_at(i), capabilities))
            offer->extensions[i / 64] |= bit_of(i);
    }
}

/* There must be one of this name. */
static size_t index_of(struct slice name)
{
    size_t index = 0;

    while (!slice_equal_nocase(slice_of(extensions_at(index)->name), name)) {
        index++;
        assert(index < extensions_count());
    }
    return index;
}

void offer_withdraw(struct offer *offer, struct slice name)
{
    size_t index = index_of(name);

    offer->extensions[index / 64] &= ~bit_of(index);
}

void offer_hush(struct offer *offer, struct slice name)
{
    size_t index = index_of(name);

    offer->hushed[index / 64] |= bit_of(index);
}

static bool is_shown(const struct offer *offer, size_t index)
{
    return (offer->extensions[index / 64] & ~offer->hushed[index / 64] & bit_of(index)) != 0;
}

static bool is_offered(const struct offer *offer, size_t index)
{
    return (offer->extensions[index / 64] & bit_of(index)) != 0;
}

bool offer_adds(const struct offer *offer, enum extension_word kind, struct slice word)
{
    for (size_t i = 0; i < extensions_count(); i++) {
        if (is_offered(offer, i) && extension_has_word(extensions_at(i), kind, word))
            return true;
    }
    return false;
}

bool offer_permits(const struct offer *offer, enum extension_word kind, struct slice word)
{
    bool known = false;

    for (size_t i = 0; i < extensions_count(); i++) {
        bool has = extension_has_word(extensions_at(i), kind, word);
        if (has && is_offered(offer, i))
            return true;
        known |= has;
    }
    return !known;
}

bool offer_permits_code(const struct offer *offer, const char *code)
{
    return code && offer_permits(offer, WORD_CODE, (struct slice){code, strcspn(code, " ")});
}

static bool permits_key(const void *context, struct slice name)
{
    return offer_permits(context, WORD_SEARCH, name);
}

static bool adds_option(const void *context, struct slice name)
{
    return offer_adds(context, WORD_SEARCH_RETURN, name);
}

struct search_permit offer_search_permit(const struct offer *offer)
{
    return (struct search_permit){.key = permits_key, .option = adds_option, .context = offer};
}

static bool adds_sort_option(const void *context, struct slice name)
{
    return offer_adds(context, WORD_SORT_RETURN, name);
}

struct search_permit offer_sort_permit(const struct offer *offer)
{
    return (struct search_permit){.key = permits_key, .option = adds_sort_option, .context = offer};
}

bool offer_has(const struct offer *offer, enum capability capability)
{
    return offer->has[capability];
}

bool offer_has_lost(const struct offer *offer, const struct capability_set *capabilities)
{
    for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
        if (offer->has[i] && !capabilities->has[i])
            return true;
    }
    return false;
}

void offer_print_before_login(const struct offer_before_login *offer, struct evbuffer *out)
{
    append_format(out, "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE");
    if (offer->starttls)
        append_format(out, " STARTTLS");
    append_format(out, offer->login ? " AUTH=PLAIN AUTH=LOGIN" : " LOGINDISABLED");
    if (offer->login && offer->tokens)
        append_format(out, " AUTH=XOAUTH2 AUTH=OAUTHBEARER");
}

/* With the smaller limit; without a number if the server's limit varies among mailboxes. RFC 7889 section 2. */
static void print_append_limit(const struct capability_set *capabilities, uint64_t append_max, struct evbuffer *out)
{
    static const struct slice name = {"APPENDLIMIT", 11};
    struct slice word;
    size_t at = 0;
    uint64_t limit;

    append_format(out, " APPENDLIMIT");
    if (!capability_set_next(capabilities, name, &at, &word) || word.length <= name.length)
        return;
    word = (struct slice){word.data + name.length + 1, word.length - name.length - 1};
    if (!slice_number(word, UINT64_MAX, &limit) || limit > append_max)
        limit = append_max;
    append_format(out, "=%llu", (unsigned long long)limit);
}

/* As it is called, or each of the server's words that begin so. */
static void print_extension(const struct extension *extension, const struct capability_set *capabilities,
                            uint64_t append_max, struct evbuffer *out)
{
    struct slice word, name = slice_of(extension->name);

    if (slice_equal(name, SLICE("APPENDLIMIT"))) {
        print_append_limit(capabilities, append_max, out);
        return;
    }
    if (name.data[name.length - 1] != '=') {
        append_format(out, " %s", extension->name);
        return;
    }
    for (size_t at = 0; capability_set_next(capabilities, name, &at, &word);)
        append_format(out, " %.*s", (int)word.length, word.data);
}

void offer_print(const struct offer *offer, const struct capability_set *capabilities, uint64_t append_max,
                 struct evbuffer *out)
{
    append_format(out, "IMAP4rev1");
    for (size_t i = 0; i < extensions_count(); i++) {
        if (is_shown(offer, i))
            print_extension(extensions_at(i), capabilities, append_max, out);
    }
}
