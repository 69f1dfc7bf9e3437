/* Opening a spool. What is behind one belongs to whoever made the ops; nothing here knows files. */
#include "base/spool.h"

struct spool *spooler_open(struct spooler *spooler)
{
    return spooler->ops->open(spooler->context);
}
