/* The defaults of the settings, from the one table that names them. */
#include "mux/settings.h"

void settings_defaults(struct settings *settings)
{
    *settings = (struct settings){
#define SETTING_DEFAULT(name, kind, value, help) .name = (value),
        SETTINGS(SETTING_DEFAULT)
#undef SETTING_DEFAULT
    };
}
