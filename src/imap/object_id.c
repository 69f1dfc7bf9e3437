/* See object_id.h. An id is compared by its octets, case included. */
#include "imap/object_id.h"

bool object_id_valid(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-'))
            return false;
    }
    return text.length > 0 && text.length <= OBJECT_ID_MAX;
}

bool object_id_is_told(const struct value *value)
{
    const struct value *id = value_is_list(value) ? value->first : NULL;

    return id && !id->next && id->kind == VALUE_ATOM && object_id_valid(id->text);
}
